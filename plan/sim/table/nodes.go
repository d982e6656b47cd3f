package table

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func nodeRow(node *corev1.Node, now time.Time) []cell {
	info := node.Status.NodeInfo
	kernel := orUnknown(info.KernelVersion)
	if info.Architecture != "" {
		kernel += " (" + info.Architecture + ")"
	}
	return []cell{
		{header: "NAME", text: node.Name},
		{header: "STATUS", text: nodeStatus(node)},
		{header: "ROLES", text: orNone(roles(node))},
		age(node, now),
		{header: "VERSION", text: info.KubeletVersion},
		{header: "INTERNAL-IP", text: orNone(address(node, corev1.NodeInternalIP)), wide: true},
		{header: "EXTERNAL-IP", text: orNone(address(node, corev1.NodeExternalIP)), wide: true},
		{header: "OS-IMAGE", text: orUnknown(info.OSImage), wide: true},
		{header: "KERNEL-VERSION", text: kernel, wide: true},
		{header: "CONTAINER-RUNTIME", text: orUnknown(info.ContainerRuntimeVersion), wide: true},
	}
}

func nodeStatus(node *corev1.Node) string {
	status := "Unknown"
	for _, c := range node.Status.Conditions {
		switch {
		case c.Type != corev1.NodeReady:
		case c.Status == corev1.ConditionTrue:
			status = "Ready"
		default:
			status = "NotReady"
		}
	}
	if node.Spec.Unschedulable {
		status += ",SchedulingDisabled"
	}
	return status
}

// roles come from labels: node-role.kubernetes.io/<role>, and kubernetes.io/role=<role>.
func roles(node *corev1.Node) string {
	found := map[string]bool{}
	for key, value := range node.Labels {
		if role, ok := strings.CutPrefix(key, "node-role.kubernetes.io/"); ok && role != "" {
			found[role] = true
		} else if key == "kubernetes.io/role" && value != "" {
			found[value] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(found)), ",")
}

func address(node *corev1.Node, kind corev1.NodeAddressType) string {
	for _, a := range node.Status.Addresses {
		if a.Type == kind {
			return a.Address
		}
	}
	return ""
}

func orUnknown(text string) string {
	if text == "" {
		return "<unknown>"
	}
	return text
}
