package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A deviation of Deployments explains a difference only in the facets that it names; in all others the two must be equal. What ours is in
// those facets then has to be right by rules that need no upstream: see sound.
const (
	inSizes      = "sizes"      // of ReplicaSets, what their statuses make of them, and how they were told of D
	inSets       = "sets"       // which ReplicaSets there are
	inNotes      = "notes"      // other annotations of ReplicaSets, and minReadySeconds
	inNumbers    = "numbers"    // in the status of the Deployment
	inProgress   = "progress"   // its condition Progressing
	inAvailable  = "available"  // its condition Available
	inFailure    = "failure"    // its condition ReplicaFailure
	inCollisions = "collisions" // its collisionCount
	inRevision   = "revision"   // the annotation of the Deployment
	inScalings   = "scalings"   // the events about sizes, those about one ReplicaSet in a sync taken together
	inEvents     = "events"     // all others
	inRefused    = "refused"    // which writes were refused
	inRest       = "rest"       // everything else
)

// inRollout are the facets in which two rollouts differ that moved in other steps.
var inRollout = []string{inSizes, inNumbers, inProgress, inAvailable, inScalings}

// differsIn reports whether the two differ in no facet but these, and ours is sound.
func differsIn(c *Case, facets ...string) bool {
	if !c.Ours.Rested || c.Ours.Touched != "" || unsound(c) != "" {
		return false
	}
	if slices.ContainsFunc(c.Upstream.Rounds, hasUnreadable) { // a row of its own, which may come with any other
		facets = append(slices.Clone(facets), inNotes, inRevision)
	}
	upstream, ours := facetsOf(c.Upstream, c.Ours), facetsOf(c.Ours, c.Upstream)
	for facet := range upstream {
		if !slices.Contains(facets, facet) && !cmp.Equal(upstream[facet], ours[facet]) {
			return false
		}
	}
	return true
}

// facetsOf takes what a run left apart. Of ReplicaSets that only one side has, it is told that they are there.
func facetsOf(run, other *Run) map[string]map[string]any {
	facets := map[string]map[string]any{}
	for _, name := range []string{inSizes, inSets, inNotes, inNumbers, inProgress, inAvailable, inFailure, inCollisions, inRevision, inScalings, inEvents, inRefused, inRest} {
		facets[name] = map[string]any{}
	}
	for name, object := range run.State {
		fields := clone(object).(map[string]any)
		metadata, _ := fields["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		switch {
		case strings.HasPrefix(name, "Deployment "):
			facets[inRevision][name] = annotations["deployment.kubernetes.io/revision"]
			delete(annotations, "deployment.kubernetes.io/revision")
			status, _ := fields["status"].(map[string]any)
			facets[inCollisions][name] = status["collisionCount"]
			conditions, _ := status["conditions"].([]any)
			for _, condition := range conditions {
				kind := condition.(map[string]any)["type"]
				facets[map[any]string{"Progressing": inProgress, "Available": inAvailable, "ReplicaFailure": inFailure}[kind]][name] = condition
			}
			delete(status, "collisionCount")
			delete(status, "conditions")
			facets[inNumbers][name] = status
			delete(fields, "status")
		case strings.HasPrefix(name, "ReplicaSet "):
			facets[inSets][name] = true
			if _, both := other.State[name]; !both {
				continue
			}
			spec := fields["spec"].(map[string]any)
			told := map[string]any{}
			for _, key := range []string{"deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"} {
				told[key] = annotations[key]
				delete(annotations, key)
			}
			facets[inSizes][name] = []any{spec["replicas"], fields["status"], told}
			if len(annotations) == 0 {
				annotations = nil // as without any
			}
			facets[inNotes][name] = []any{annotations, spec["minReadySeconds"]}
			delete(spec, "replicas")
			delete(spec, "minReadySeconds")
			delete(fields, "status")
		}
		if len(annotations) == 0 || strings.HasPrefix(name, "ReplicaSet ") {
			delete(metadata, "annotations")
		}
		facets[inRest][name] = fields
	}
	for text, n := range scalings(run) {
		facets[inScalings][text] = n
	}
	for text, n := range events(run.Rounds) {
		if !strings.Contains(text, "ScalingReplicaSet") {
			facets[inEvents][text] = n
		}
	}
	for text := range withoutConflicts(run.Refused) {
		if !strings.Contains(text, "already exists") { // collisionCount tells how often
			facets[inRefused][text] = true
		}
	}
	return facets
}

// clone is a deep copy of decoded JSON.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		copied := maps.Clone(v)
		for key := range copied {
			copied[key] = clone(copied[key])
		}
		return copied
	case []any:
		copied := slices.Clone(v)
		for i := range copied {
			copied[i] = clone(copied[i])
		}
		return copied
	}
	return value
}

// unsound says in words what is wrong with ours, whatever upstream did: "" if nothing is.
func unsound(c *Case) string {
	for _, r := range c.Ours.Rounds {
		for _, check := range []func(Round) string{bounded, created, forgot, toldOfSizes, worded, counted} {
			if wrong := check(r); wrong != "" {
				return wrong
			}
		}
	}
	return atRest(c)
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
		terminating := m.before.Status.TerminatingReplicas
		old = old || metav1.IsControlledBy(m.before, d) && (m.before.Status.Replicas > 0 || terminating != nil && *terminating > 0 || behind(m) ||
			slices.ContainsFunc(ObjectsOf[*corev1.Pod](r.Before), func(pod *corev1.Pod) bool {
				return metav1.IsControlledBy(pod, m.before) && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
			}))
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
	}
	return ""
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

// freshOf is the oldest of the Deployment's ReplicaSets that has its template, nil if none has.
func freshOf(d *appsv1.Deployment, members []member) *appsv1.ReplicaSet {
	var fresh *appsv1.ReplicaSet
	for _, m := range members {
		rs := m.before
		if !metav1.IsControlledBy(rs, d) || rs.Spec.Template.Spec.Containers[0].Image != d.Spec.Template.Spec.Containers[0].Image {
			continue
		}
		if fresh == nil || rs.CreationTimestamp.Before(&fresh.CreationTimestamp) || rs.CreationTimestamp.Equal(&fresh.CreationTimestamp) && rs.Name < fresh.Name {
			fresh = rs
		}
	}
	return fresh
}

// atRest: nothing is left to be done that the bounds allow, and the conditions say where it stands.
func atRest(c *Case) string {
	r := c.Ours.Rounds[len(c.Ours.Rounds)-1]
	d, ok := find[*appsv1.Deployment](r.Before, shop.Name)
	if !ok || d.DeletionTimestamp != nil || d.Annotations[appsv1.DeprecatedRollbackTo] != "" || len(c.Ours.Refused) > 0 {
		return ""
	}
	members := slices.DeleteFunc(membersOf(r), func(m member) bool { return !metav1.IsControlledBy(m.before, d) })
	active := slices.DeleteFunc(slices.Clone(members), func(m member) bool { return *m.before.Spec.Replicas == 0 })
	desired := int(*d.Spec.Replicas)
	fresh := freshOf(d, members)
	if wrong := progressAtRest(d, fresh); wrong != "" {
		return wrong
	}
	for _, m := range active {
		if told, err := strconv.Atoi(m.before.Annotations["deployment.kubernetes.io/desired-replicas"]); err == nil && told >= 0 && told != desired {
			return m.before.Name + " was not told of D"
		}
	}
	switch {
	case d.Spec.Paused && len(active) == 1 && total(active) < desired && d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType:
		return "it stays too small while it is paused"
	case d.Spec.Paused:
		return ""
	case d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType:
		for _, m := range active {
			if m.before != fresh {
				return m.before.Name + " keeps pods beside Recreate"
			}
		}
		return ""
	case fresh == nil:
		return "there is no new ReplicaSet"
	}
	size, all := int(*fresh.Spec.Replicas), total(members)
	if size < desired && all < mostOf(d) {
		return "the new ReplicaSet could grow"
	}
	least, vouched, vouchedNew := leastAvailable(d), 0, 0
	for _, m := range members {
		if behind(m) || goes(m) {
			continue
		}
		keeps := m.keeps(int(*m.before.Spec.Replicas))
		vouched += keeps
		if m.before == fresh {
			vouchedNew = keeps
		}
	}
	credit := all - least - (size - vouchedNew)
	for _, m := range active {
		if m.before != fresh && (least == 0 || vouched > least || credit > 0 && int(*m.before.Spec.Replicas) > m.ready()) {
			return m.before.Name + " could shrink"
		}
	}
	return ""
}

// progressAtRest: the condition Progressing fits what there is.
func progressAtRest(d *appsv1.Deployment, fresh *appsv1.ReplicaSet) string {
	if *d.Spec.ProgressDeadlineSeconds == 2147483647 {
		return ""
	}
	s := d.Status
	complete := s.UpdatedReplicas == *d.Spec.Replicas && s.Replicas == *d.Spec.Replicas && s.AvailableReplicas == *d.Spec.Replicas
	reason := ""
	for _, c := range s.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing:
			reason = c.Reason
		case c.Type == appsv1.DeploymentAvailable && (c.Status == corev1.ConditionTrue) != (int(s.AvailableReplicas) >= leastAvailable(d)):
			return "the condition Available is wrong"
		}
	}
	switch {
	case d.Spec.Paused && reason != "DeploymentPaused" && reason != "ProgressDeadlineExceeded":
		return "the pause is not told"
	case !d.Spec.Paused && reason == "DeploymentPaused":
		return "the end of the pause is not told"
	case !d.Spec.Paused && complete && reason != "NewReplicaSetAvailable":
		return "the end of the rollout is not told"
	case !d.Spec.Paused && reason == "" && fresh != nil: // nothing moves while Recreate waits for old pods
		return "no progress is told"
	}
	return ""
}

func total(members []member) int {
	sum := 0
	for _, m := range members {
		sum += int(*m.before.Spec.Replicas)
	}
	return sum
}

// mostOf is D + S.
func mostOf(d *appsv1.Deployment) int {
	desired := int(*d.Spec.Replicas)
	if d.Spec.Strategy.RollingUpdate == nil {
		return desired
	}
	surge, _ := intstr.GetScaledValueFromIntOrPercent(d.Spec.Strategy.RollingUpdate.MaxSurge, desired, true)
	return desired + surge
}
