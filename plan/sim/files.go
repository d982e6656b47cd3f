package sim

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// WriteFile writes a file as a process in the first container of a running pod does. A file on a volume is kept by what
// backs the volume: whoever mounts the same directory reads it, through whatever volume. Any other file is gone with
// the container.
func (c *Cluster) WriteFile(namespace, pod, file, content string) error {
	place, readOnly, err := c.place(namespace, pod, file)
	if err != nil {
		return err
	}
	if readOnly {
		return fmt.Errorf("%s: read-only file system", file)
	}
	c.volumes.files[place] = content
	return nil
}

// ReadFile reads a file as a process in the first container of a running pod does. The error for one that is not there
// is fs.ErrNotExist.
func (c *Cluster) ReadFile(namespace, pod, file string) (string, error) {
	place, _, err := c.place(namespace, pod, file)
	if err != nil {
		return "", err
	}
	content, exists := c.volumes.files[place]
	if !exists {
		return "", fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	return content, nil
}

// place is where a file of a pod really lies.
func (c *Cluster) place(namespace, name, file string) (place string, readOnly bool, err error) {
	uid, run, err := c.runs(namespace, name)
	if err != nil {
		return "", false, err
	}
	first := run.main[0]
	if first.state.Running == nil {
		return "", false, apierrors.NewBadRequest(fmt.Sprintf("container %q of pod %q does not run", first.spec.Name, name))
	}
	file = path.Clean("/" + file)
	var mount *corev1.VolumeMount
	for i := range first.spec.VolumeMounts {
		m := &first.spec.VolumeMounts[i]
		if within(file, m.MountPath) && (mount == nil || len(m.MountPath) > len(mount.MountPath)) {
			mount = m
		}
	}
	if mount == nil {
		return path.Join(first.id, file), false, nil
	}
	backing, err := c.backing(c.store.byUID[uid].(*corev1.Pod), mount.Name)
	inside := strings.TrimPrefix(file, path.Clean(mount.MountPath))
	return path.Join(backing, mount.SubPath, inside), mount.ReadOnly, err
}

func within(file, directory string) bool {
	directory = path.Clean(directory)
	return directory == "/" || file == directory || strings.HasPrefix(file, directory+"/")
}

// backing is the directory behind a volume of a pod.
func (c *Cluster) backing(pod *corev1.Pod, volumeName string) (string, error) {
	for i := range pod.Spec.Volumes {
		volume := &pod.Spec.Volumes[i]
		if volume.Name != volumeName {
			continue
		}
		switch source := volume.VolumeSource; {
		case source.EmptyDir != nil:
			return path.Join(podDirectory(pod), volume.Name), nil
		case source.HostPath != nil:
			return hostDirectory(pod.Spec.NodeName, source.HostPath.Path), nil
		case source.NFS != nil:
			return nfsDirectory(source.NFS.Server, source.NFS.Path), nil
		case source.PersistentVolumeClaim != nil:
			claim := stored[*corev1.PersistentVolumeClaim](c, pod.Namespace, source.PersistentVolumeClaim.ClaimName)
			if claim == nil {
				break
			}
			if mounted := stored[*corev1.PersistentVolume](c, "", claim.Spec.VolumeName); mounted != nil {
				return directory(mounted, pod.Spec.NodeName), nil
			}
		}
	}
	return "", fmt.Errorf("volume %q of pod %q holds no files that can be read or written here", volumeName, pod.Name)
}

// directory is what backs a volume, as it is mounted on a node.
func directory(volume *corev1.PersistentVolume, node string) string {
	switch source := volume.Spec.PersistentVolumeSource; {
	case source.NFS != nil:
		return nfsDirectory(source.NFS.Server, source.NFS.Path)
	case source.HostPath != nil:
		return hostDirectory(node, source.HostPath.Path)
	case source.Local != nil:
		return hostDirectory(node, source.Local.Path)
	case source.CSI != nil:
		return path.Join("csi", source.CSI.Driver, source.CSI.VolumeHandle)
	}
	return path.Join("volume", volume.Name)
}

func nfsDirectory(server, directory string) string { return path.Join("nfs", server, directory) }

func hostDirectory(node, directory string) string { return path.Join("host", node, directory) }

func podDirectory(pod *corev1.Pod) string { return path.Join("pod", string(pod.UID)) }
