package table

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func serviceRow(svc *corev1.Service, now time.Time) []cell {
	clusterIP := svc.Spec.ClusterIP
	if len(svc.Spec.ClusterIPs) > 0 {
		clusterIP = svc.Spec.ClusterIPs[0]
	}
	return []cell{
		{header: "NAME", text: svc.Name},
		{header: "TYPE", text: string(cmp.Or(svc.Spec.Type, corev1.ServiceTypeClusterIP))},
		{header: "CLUSTER-IP", text: orNone(clusterIP)},
		{header: "EXTERNAL-IP", text: externalIP(svc)},
		{header: "PORT(S)", text: orNone(ports(svc.Spec.Ports))},
		age(svc, now),
		{header: "SELECTOR", text: labels.FormatLabels(svc.Spec.Selector), wide: true},
	}
}

func externalIP(svc *corev1.Service) string {
	addresses := slices.Clone(svc.Spec.ExternalIPs)
	switch svc.Spec.Type {
	case corev1.ServiceTypeExternalName:
		return svc.Spec.ExternalName
	case corev1.ServiceTypeLoadBalancer:
		var balancers []string
		for _, ingress := range svc.Status.LoadBalancer.Ingress {
			balancers = append(balancers, cmp.Or(ingress.IP, ingress.Hostname))
		}
		slices.Sort(balancers)
		addresses = append(balancers, addresses...)
		if len(addresses) == 0 {
			return "<pending>"
		}
	}
	return orNone(strings.Join(addresses, ","))
}

// ports lists "80/TCP", or "80:30080/TCP" where the nodes listen as well.
func ports(list []corev1.ServicePort) string {
	var shown []string
	for _, p := range list {
		port := number(p.Port)
		if p.NodePort > 0 {
			port += ":" + number(p.NodePort)
		}
		shown = append(shown, fmt.Sprintf("%s/%s", port, cmp.Or(p.Protocol, corev1.ProtocolTCP)))
	}
	return strings.Join(shown, ",")
}
