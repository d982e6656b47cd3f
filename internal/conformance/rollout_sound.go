package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unsound says in words what is wrong with ours, whatever upstream did: "" if nothing is.
func unsound(ours *Run) string {
	for _, r := range ours.Rounds {
		for _, check := range []func(Round) string{bounded, created, forgot, toldOfSizes, worded, counted} {
			if wrong := check(r); wrong != "" {
				return wrong
			}
		}
	}
	return atRest(ours)
}

// bounded: no plan asks for too many, costs too many, or moves both ways.
func bounded(r Round) string {
	switch {
	case loses(r):
		return "it loses available pods"
	case exceeds(r):
		return "it exceeds D + S"
	case bothWays(r):
		return "it moves both ways"
	case mixes(r):
		return "it starts new pods beside old ones"
	}
	return ""
}

// loses reports whether a plan breaks the bound of available pods: of all, or of those that can be relied on.
func loses(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return false
	}
	var before, after, relied, left int
	for _, m := range membersOf(r) {
		was, is := m.keeps(int(*m.before.Spec.Replicas)), m.keeps(m.size)
		before, after = before+was, after+is
		if !behind(m) && !goes(m) {
			relied, left = relied+was, left+is
		}
	}
	least := leastAvailable(d)
	return after < min(before, least) || left < min(relied, least)
}

// mixes reports whether a plan of a Recreate gives its new ReplicaSet more pods while an old one may have some.
func mixes(r Round) bool {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		return false
	}
	members := membersOf(r)
	fresh := freshOf(d, members)
	grows := slices.ContainsFunc(r.Writes, func(w Write) bool {
		rs, ok := w.After.(*appsv1.ReplicaSet)
		return ok && w.Err == nil && w.Verb == "create" && *rs.Spec.Replicas > 0
	})
	old := false
	for _, m := range members {
		if m.before == fresh {
			grows = grows || m.size > int(*fresh.Spec.Replicas)
			continue
		}
		old = old || metav1.IsControlledBy(m.before, d) && mayHavePods(r, m.before)
	}
	return grows && old
}

// created: a new ReplicaSet gets what D + S leaves it, and with Recreate all, or none beside old ones.
func created(r Round) string {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	for _, w := range r.Writes {
		rs, isSet := w.After.(*appsv1.ReplicaSet)
		if !ok || !isSet || w.Verb != "create" || w.Err != nil {
			continue
		}
		total := total(membersOf(r))
		want := min(int(*d.Spec.Replicas), max(0, mostOf(d)-total))
		if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType && total > 0 {
			want = 0
		}
		if recreatesWithPods(d) && *rs.Spec.Replicas == 0 {
			continue // made by a rollback: its pods wait for those of others
		}
		if int(*rs.Spec.Replicas) != want {
			return fmt.Sprintf("%s is made with %d, want %d", rs.Name, *rs.Spec.Replicas, want)
		}
		if diff := cmp.Diff(notesDue(d, membersOf(r)), rs.Annotations); diff != "" {
			return rs.Name + " is made with other annotations (-want +got):\n" + diff
		}
	}
	return ""
}

// notesDue are the annotations of a new ReplicaSet: the Deployment's, but for those that are about itself, and how it stands.
func notesDue(d *appsv1.Deployment, members []member) map[string]string {
	notes := map[string]string{}
	for key, value := range d.Annotations {
		if key == "note" {
			notes[key] = value
		}
	}
	highest := 0
	for _, m := range members {
		if metav1.IsControlledBy(m.before, d) {
			revision, _ := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/revision"])
			highest = max(highest, revision)
		}
	}
	notes["deployment.kubernetes.io/revision"] = strconv.Itoa(highest + 1)
	notes["deployment.kubernetes.io/desired-replicas"] = strconv.Itoa(int(*d.Spec.Replicas))
	notes["deployment.kubernetes.io/max-replicas"] = strconv.Itoa(mostOf(d))
	return notes
}

func recreatesWithPods(d *appsv1.Deployment) bool {
	return d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType && d.Annotations[appsv1.DeprecatedRollbackTo] != ""
}

// forgot: what is deleted has no pods and knows it, is not the new one, and the history stays as long as it is to be.
func forgot(r Round) string {
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	left, gone := 0, 0
	for _, m := range membersOf(r) {
		deleted := slices.ContainsFunc(r.Writes, func(w Write) bool { return w.Verb == "delete" && w.Err == nil && w.Ref.Name == m.before.Name })
		switch {
		case deleted && (m.before.Status.Replicas > 0 || *m.before.Spec.Replicas > 0 || behind(m) || goes(m)):
			return m.before.Name + " is forgotten too early"
		case deleted:
			gone++
		case metav1.IsControlledBy(m.before, d) && !goes(m):
			left++
		}
	}
	if ok && gone > 0 && left < int(*d.Spec.RevisionHistoryLimit) {
		return "too many are forgotten"
	}
	return ""
}

// toldOfSizes: each change of a size has its event, and no other is told.
func toldOfSizes(r Round) string {
	want, got := map[string]int{}, map[string]int{}
	for _, w := range r.Writes {
		rs, ok := w.After.(*appsv1.ReplicaSet)
		if !ok || w.Err != nil {
			continue
		}
		before := 0
		if old, existed := find[*appsv1.ReplicaSet](r.Before, rs.Name); existed {
			before = int(*old.Spec.Replicas)
		}
		switch after := int(*rs.Spec.Replicas); {
		case after > before:
			want[fmt.Sprintf("Scaled up replica set %s from %d to %d", rs.Name, before, after)]++
		case after < before:
			want[fmt.Sprintf("Scaled down replica set %s from %d to %d", rs.Name, before, after)]++
		}
	}
	for _, e := range r.Events {
		if e.Reason == "ScalingReplicaSet" {
			got[e.Message]++
		}
	}
	return cmp.Diff(want, got)
}

// wordings are the conditions that a Deployment can be given, as "type status reason: message".
var wordings = regexp.MustCompile(`^(` + strings.Join([]string{
	`Available True MinimumReplicasAvailable: Deployment has minimum availability\.`,
	`Available False MinimumReplicasUnavailable: Deployment does not have minimum availability\.`,
	`Progressing Unknown DeploymentPaused: Deployment is paused`,
	`Progressing Unknown DeploymentResumed: Deployment is resumed`,
	`Progressing True NewReplicaSetCreated: Created new replica set "shop-\w+"`,
	`Progressing True FoundNewReplicaSet: Found new replica set "shop-\w+"`,
	`Progressing True ReplicaSetUpdated: (ReplicaSet "shop-\w+"|Deployment "shop") is progressing\.`,
	`Progressing True NewReplicaSetAvailable: (ReplicaSet "shop-\w+"|Deployment "shop") has successfully progressed\.`,
	`Progressing False ProgressDeadlineExceeded: (ReplicaSet "shop-\w+"|Deployment "shop") has timed out progressing\.`,
	`Progressing False ReplicaSetCreateError: Failed to create new replica set "shop-\w+": .+`,
	`ReplicaFailure True FailedCreate: quota`,
}, "|") + `)$`)

// worded: a condition that is new says what its reason and status say.
func worded(r Round) string {
	for _, w := range r.Writes {
		after, ok := w.After.(*appsv1.Deployment)
		if !ok || w.Err != nil {
			continue
		}
		before, _ := find[*appsv1.Deployment](r.Before, shop.Name)
		for _, c := range after.Status.Conditions {
			if text := wording(c); !wordings.MatchString(text) && !slices.ContainsFunc(before.Status.Conditions, func(b appsv1.DeploymentCondition) bool { return wording(b) == text }) {
				return text
			}
		}
		if tried, did := collisionsOf(before), collisionsOf(after); did != tried && did != tried+1 {
			return fmt.Sprintf("collisionCount from %d to %d", tried, did)
		}
	}
	return ""
}

func wording(c appsv1.DeploymentCondition) string {
	return fmt.Sprintf("%s %s %s: %s", c.Type, c.Status, c.Reason, c.Message)
}

func collisionsOf(d *appsv1.Deployment) int32 {
	if d.Status.CollisionCount == nil {
		return 0
	}
	return *d.Status.CollisionCount
}

// counted: where observedGeneration is written, the numbers beside it are those of the ReplicaSets.
func counted(r Round) string {
	before, _ := find[*appsv1.Deployment](r.Before, shop.Name)
	for _, w := range r.Writes {
		after, ok := w.After.(*appsv1.Deployment)
		if !ok || w.Err != nil || w.Verb != "update-status" || numbersIn(before) == numbersIn(after) {
			continue
		}
		if got, want := numbersIn(after), numbersDue(r, after); got != want {
			return "status " + got + ", want " + want
		}
	}
	return ""
}

func numbersIn(d *appsv1.Deployment) string {
	s := d.Status
	return fmt.Sprintf("%d: %d %d %d %d %d", s.ObservedGeneration, s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas, s.UnavailableReplicas)
}

// numbersDue are those that the Deployment's own ReplicaSets give.
func numbersDue(r Round, d *appsv1.Deployment) string {
	var s appsv1.DeploymentStatus
	fresh, asked := freshOf(d, membersOf(r)), int32(0)
	for _, m := range membersOf(r) {
		if !metav1.IsControlledBy(m.before, d) {
			continue
		}
		status := m.before.Status
		s.Replicas += status.Replicas
		s.ReadyReplicas += status.ReadyReplicas
		s.AvailableReplicas += status.AvailableReplicas
		asked += *m.before.Spec.Replicas
		if m.before == fresh {
			s.UpdatedReplicas = status.Replicas
		}
	}
	s.UnavailableReplicas = max(0, asked-s.AvailableReplicas)
	s.ObservedGeneration = d.Generation
	return numbersIn(&appsv1.Deployment{Status: s})
}
