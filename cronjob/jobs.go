package cronjob

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/internal/owners"
	"github.com/kubeplan/kubeplan/plan"
)

// census is what the view holds for one CronJob.
type census struct {
	shown      []*batchv1.Job // whatever the view holds, strangers included
	view       []*batchv1.Job // the same through the ledger
	jobs       []*batchv1.Job // ours, by name
	byUID      map[types.UID]*batchv1.Job
	unanswered []*batchv1.Job // created, as far as we know: nobody answered, and the view does not show them
	answerBy   time.Time      // when the last of these is given up

	// unseen are the Jobs whose deletion was issued and is not seen yet: they may be there for good.
	unseen map[types.UID]bool

	// What became of the last rounds.
	created       map[types.UID]*batchv1.Job // answered, whether or not they still exist
	deletions     map[types.UID]bool         // of what was issued: false if it was refused
	nameTaken     string                     // the Job of this name was refused: there is one
	namespaceEnds string                     // the Job of this name was refused: the namespace is being deleted
}

func take(observed Observed, owner owners.Owner) census {
	pending := observed.Pending
	seen := census{shown: observed.Jobs, view: plan.Overlay(observed.Jobs, pending, observed.Now), unseen: map[types.UID]bool{}, byUID: map[types.UID]*batchv1.Job{}}
	for _, job := range plan.UnseenDeletions(observed.Jobs, pending, observed.Now) {
		seen.unseen[job.UID] = true
	}
	for _, job := range seen.view {
		if !owner.Owns(job) {
			continue
		}
		by := pending.AnswerBy(job)
		if by.IsZero() {
			seen.jobs = append(seen.jobs, job)
			seen.byUID[job.UID] = job
			continue
		}
		seen.unanswered = append(seen.unanswered, job)
		seen.answerBy = latest(seen.answerBy, by)
	}
	slices.SortFunc(seen.jobs, byName)
	seen.recall(owner, pending)
	return seen
}

// recall reads from the ledger what became of the last round.
func (seen *census) recall(owner owners.Owner, pending plan.Pending) {
	seen.created, seen.deletions = map[types.UID]*batchv1.Job{}, map[types.UID]bool{}
	for _, o := range pending.Outcomes {
		switch a := o.Action.(type) {
		case plan.Delete:
			seen.deletions[a.Object.UID] = o.Err == nil
		case plan.Create:
			reply, answered := o.Reply.(*batchv1.Job)
			switch {
			case !owner.Owns(a.Object):
			case plan.NamespaceTerminating(o.Err):
				seen.namespaceEnds = a.Object.GetName()
			case o.Err != nil && o.Err.Reason == metav1.StatusReasonAlreadyExists:
				seen.nameTaken = a.Object.GetName()
			case answered && o.Err == nil:
				seen.created[reply.UID] = reply
			}
		}
	}
}

// wasRefused reports whether the API server refused to delete what a step deletes.
func (seen census) wasRefused(step plan.Action) bool {
	done, issued := seen.deletions[step.Target().UID]
	return issued && !done
}

// named returns the Job of the namespace that bears a name, whosever it is, or nil.
func (seen census) named(namespace, name string) *batchv1.Job {
	for _, job := range seen.view {
		if job.Name == name && job.Namespace == namespace {
			return job
		}
	}
	return nil
}

// ending is how a Job ended: Complete or Failed, or empty while it has not.
func ending(job *batchv1.Job) batchv1.JobConditionType {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c.Type
		}
	}
	return ""
}

// jobName is the name of the Job for a run: "<cronjob>-<minutes since 1970>". It is what keeps a run from being
// started twice, even by two hosts that know nothing of each other.
func jobName(cronJob *batchv1.CronJob, run time.Time) string {
	return cronJob.Name + "-" + strconv.FormatInt(minuteOf(run), 10)
}

func minuteOf(run time.Time) int64 { return floor(run.Unix(), 60) }

// runOf gives the run for which a Job of ours was made. Its name tells the minute, the annotation the second. Kubernetes
// wrote none before 1.28; without it, the minute must not be from before the CronJob. ok is false for a Job that a person
// made, as "kubectl create job --from" does: it bears another name, or one that only happens to end in a number.
func runOf(cronJob *batchv1.CronJob, job *batchv1.Job) (run time.Time, ok bool) {
	digits, ok := strings.CutPrefix(job.Name, cronJob.Name)
	if !ok || len(digits) < 2 || digits[0] != '-' || digits[1] < '1' || digits[1] > '9' {
		return run, false
	}
	minute, err := strconv.ParseInt(digits[1:], 10, 64)
	if err != nil || minute > lastSecond/60 {
		return run, false
	}
	stamp, err := time.Parse(time.RFC3339, job.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
	if err == nil && minuteOf(stamp) == minute {
		return stamp.UTC(), true
	}
	_, byHand := job.Annotations[instantiated]
	return time.Unix(minute*60, 0).UTC(), !byHand && minute >= minuteOf(cronJob.CreationTimestamp.Time)
}

// instantiated is the annotation that kubectl gives a Job which it makes for a CronJob.
const instantiated = "cronjob.kubernetes.io/instantiate"

// jobFor makes the Job of a run. Its annotation gives the instant in the time zone of spec.timeZone.
func jobFor(cronJob *batchv1.CronJob, owner owners.Owner, run time.Time) *batchv1.Job {
	template := &cronJob.Spec.JobTemplate
	if cronJob.Spec.TimeZone == nil {
		run = run.UTC()
	}
	job := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       cronJob.Namespace,
			Name:            jobName(cronJob, run),
			Labels:          maps.Clone(template.Labels),
			Annotations:     map[string]string{},
			OwnerReferences: []metav1.OwnerReference{owner.Reference()},
		},
		Spec: *template.Spec.DeepCopy(),
	}
	maps.Copy(job.Annotations, template.Annotations)
	job.Annotations[batchv1.CronJobScheduledTimestampAnnotation] = run.Format(time.RFC3339)
	return job
}

func byName(a, b *batchv1.Job) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
}
