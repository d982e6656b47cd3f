package revisions

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// setDefaults fills into a template what an API server fills into it. Revisions are compared by it and never written with it.
func setDefaults(template *corev1.PodTemplateSpec) {
	spec := &template.Spec
	fill(&spec.DNSPolicy, corev1.DNSClusterFirst)
	fill(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	fill(&spec.SchedulerName, corev1.DefaultSchedulerName)
	point(&spec.SecurityContext, corev1.PodSecurityContext{})
	point(&spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	roundUp(spec.Overhead)
	if spec.Resources != nil {
		defaultResources(spec.Resources)
	}
	for i := range spec.Volumes {
		defaultVolume(&spec.Volumes[i].VolumeSource)
	}
	for i := range spec.InitContainers {
		defaultContainer(&spec.InitContainers[i])
	}
	for i := range spec.Containers {
		defaultContainer(&spec.Containers[i])
	}
	for i := range spec.EphemeralContainers {
		defaultContainer((*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
}

func defaultContainer(c *corev1.Container) {
	fill(&c.ImagePullPolicy, pullPolicy(c.Image))
	fill(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	fill(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	defaultResources(&c.Resources)
	for i := range c.Ports {
		fill(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil {
			defaultFieldRef(from.FieldRef)
			if from.FileKeyRef != nil {
				point(&from.FileKeyRef.Optional, false)
			}
		}
	}
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		defaultProbe(probe)
	}
	if c.Lifecycle != nil {
		for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if hook != nil {
				defaultHTTPGet(hook.HTTPGet)
			}
		}
	}
}

// pullPolicy is Always for the latest image: one that says so, or names neither a tag nor a digest.
func pullPolicy(image string) corev1.PullPolicy {
	reference, _, hasDigest := strings.Cut(image, "@")
	_, tag, hasTag := strings.Cut(reference[strings.LastIndex(reference, "/")+1:], ":")
	if tag == "latest" || (image != "" && !hasTag && !hasDigest) {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

func defaultProbe(probe *corev1.Probe) {
	if probe == nil {
		return
	}
	fill(&probe.TimeoutSeconds, 1)
	fill(&probe.PeriodSeconds, 10)
	fill(&probe.SuccessThreshold, 1)
	fill(&probe.FailureThreshold, 3)
	defaultHTTPGet(probe.HTTPGet)
	if probe.GRPC != nil {
		point(&probe.GRPC.Service, "")
	}
}

func defaultHTTPGet(get *corev1.HTTPGetAction) {
	if get != nil {
		fill(&get.Path, "/")
		fill(&get.Scheme, corev1.URISchemeHTTP)
	}
}

func defaultFieldRef(ref *corev1.ObjectFieldSelector) {
	if ref != nil {
		fill(&ref.APIVersion, "v1")
	}
}

func defaultVolume(volume *corev1.VolumeSource) {
	if reflect.ValueOf(*volume).IsZero() {
		volume.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if v := volume.HostPath; v != nil {
		point(&v.Type, corev1.HostPathUnset)
	}
	if v := volume.Secret; v != nil {
		point(&v.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
	}
	if v := volume.ConfigMap; v != nil {
		point(&v.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
	}
	if v := volume.DownwardAPI; v != nil {
		point(&v.DefaultMode, corev1.DownwardAPIVolumeSourceDefaultMode)
		defaultDownwardAPI(v.Items)
	}
	if v := volume.Projected; v != nil {
		point(&v.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		for i := range v.Sources {
			if down := v.Sources[i].DownwardAPI; down != nil {
				defaultDownwardAPI(down.Items)
			}
			if token := v.Sources[i].ServiceAccountToken; token != nil {
				point(&token.ExpirationSeconds, 3600)
			}
		}
	}
	if v := volume.Image; v != nil {
		fill(&v.PullPolicy, pullPolicy(v.Reference))
	}
	if v := volume.Ephemeral; v != nil && v.VolumeClaimTemplate != nil {
		claim := &v.VolumeClaimTemplate.Spec
		point(&claim.VolumeMode, corev1.PersistentVolumeFilesystem)
		roundUp(claim.Resources.Limits)
		roundUp(claim.Resources.Requests)
	}
	if v := volume.ISCSI; v != nil {
		fill(&v.ISCSIInterface, "default")
	}
	if v := volume.RBD; v != nil {
		fill(&v.RBDPool, "rbd")
		fill(&v.RadosUser, "admin")
		fill(&v.Keyring, "/etc/ceph/keyring")
	}
	if v := volume.AzureDisk; v != nil {
		point(&v.CachingMode, corev1.AzureDataDiskCachingReadWrite)
		point(&v.FSType, "ext4")
		point(&v.ReadOnly, false)
		point(&v.Kind, corev1.AzureSharedBlobDisk)
	}
	if v := volume.ScaleIO; v != nil {
		fill(&v.StorageMode, "ThinProvisioned")
		fill(&v.FSType, "xfs")
	}
}

func defaultDownwardAPI(items []corev1.DownwardAPIVolumeFile) {
	for i := range items {
		defaultFieldRef(items[i].FieldRef)
	}
}

func defaultResources(r *corev1.ResourceRequirements) {
	roundUp(r.Limits)
	roundUp(r.Requests)
}

// roundUp brings quantities to the thousandths that the API keeps.
func roundUp(list corev1.ResourceList) {
	for name, quantity := range list {
		quantity.RoundUp(-3)
		list[name] = quantity
	}
}

// fill sets a field that is empty.
func fill[T comparable](field *T, value T) {
	var empty T
	if *field == empty {
		*field = value
	}
}

// point sets a field that is nil.
func point[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
