// Package templates names and compares pod templates.
package templates

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/dump"
	"k8s.io/apimachinery/pkg/util/rand"
)

// Hash is the hash that Kubernetes puts into the names of ReplicaSets and DaemonSet revisions and into the labels of
// their pods: FNV-1a (32 bits) over the deep dump of the template and, if there is one, the collision count. It
// names what is new and never decides what is equal.
func Hash(template *corev1.PodTemplateSpec, collisionCount *int32) string {
	hasher := fnv.New32a()
	//lint:ignore SA1019 its successor, k8s.io/utils/dump, would be a fifth direct dependency
	hasher.Write([]byte(dump.ForHash(*template)))
	if collisionCount != nil {
		count := make([]byte, 8)
		binary.LittleEndian.PutUint32(count, uint32(*collisionCount))
		hasher.Write(count)
	}
	return rand.SafeEncodeString(fmt.Sprint(hasher.Sum32()))
}
