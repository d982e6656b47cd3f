// Package script plays histories that are written as text: commands in the words of kubectl, and what each of them is
// expected to print.
//
//	# Two pods are wanted, and two are created.
//	$ kubectl apply -f web.yaml
//	replicaset.apps/web created
//
//	$ advance 5s
//	$ kubectl get rs
//	NAME   DESIRED   CURRENT   READY   AGE
//	web    2         2         2       5s
//
// The cluster is one of package sim, with a host for every planner of this module. Time is virtual and stands
// still while commands are typed: controllers, scheduler and kubelets act during advance and until, and while
// "kubectl delete" waits. The same script always gives the same history, generated names included.
//
// A script is a file of commands behind "$ ", each followed by its output; of comments, which begin with "#"; and of
// blank lines. A command goes on in the next line behind a backslash. Lines below it that begin with "> " are its
// input: a manifest, or what was changed in an editor.
//
//	$ kubectl edit rs web
//	> spec:
//	>   replicas: 3
//	replicaset.apps/web edited
//
// What the cluster refuses is output like any other, worded as by kubectl ("Error from server (NotFound): ..."). A
// command that is written wrongly, and an invariant that does not hold, fail the script wherever they stand.
//
// # Commands
//
//	kubectl apply -f FILE [-n NAMESPACE] [--record]
//	    creates the objects of a manifest, or brings them to what it says; FILE - is the lines below
//	kubectl create -f FILE [-n NAMESPACE] [--record]
//	    creates the objects of a manifest
//	kubectl get KIND[,KIND...] [NAME...] [-n NAMESPACE | -A] [-l SELECTOR] [-o wide|name|yaml] [--show-labels] [--no-headers]
//	    shows objects as tables
//	kubectl describe KIND [NAME...] [-n NAMESPACE] [-l SELECTOR]
//	    shows objects with their conditions and events
//	kubectl delete KIND NAME... | KIND --all | KIND -l SELECTOR | -f FILE [-n NAMESPACE] [--cascade=background|foreground|orphan] [--wait=false]
//	    deletes objects and lets time pass until they are gone
//	kubectl scale KIND NAME... --replicas N [-n NAMESPACE] [--record]
//	    sets the number of replicas
//	kubectl patch KIND NAME -p PATCH [-n NAMESPACE] [--record]
//	    merges a patch, in YAML or JSON, into an object; lists of named things are merged by name
//	kubectl edit KIND NAME [-n NAMESPACE] [--record]
//	    merges the lines below into an object, as the changes made in the editor
//	kubectl label KIND NAME... KEY=VALUE | KEY- ... [-n NAMESPACE] [-l SELECTOR] [--all] [--overwrite]
//	    sets labels, or takes them away
//	kubectl annotate KIND NAME... KEY=VALUE | KEY- ... [-n NAMESPACE] [-l SELECTOR] [--all] [--overwrite]
//	    sets annotations, or takes them away
//	kubectl taint nodes NAME KEY[=VALUE]:EFFECT | KEY[:EFFECT]- ...
//	    sets taints of a node, or takes them away
//	kubectl exec POD [-n NAMESPACE] -- hostname | cat FILE | curl -s http://localhost | sh -c 'echo TEXT > FILE'
//	    runs a command in a pod: one of these few; in TEXT, $(hostname) stands for the name of the pod
//	kubectl set image KIND NAME CONTAINER=IMAGE... [-n NAMESPACE] [--record]
//	    gives containers another image; the container * is all of them
//	kubectl rollout status KIND NAME [-n NAMESPACE] [--timeout DURATION]
//	    tells how far a rollout is, and lets time pass until it is done or stuck, at most 1h unless said otherwise
//	kubectl rollout history KIND NAME [-n NAMESPACE]
//	    lists the revisions that can be gone back to
//	kubectl rollout undo KIND NAME [--to-revision N] [-n NAMESPACE]
//	    goes back to the revision before, or to a certain one
//	kubectl rollout pause deployment NAME [-n NAMESPACE]
//	    keeps a changed template from being rolled out
//	kubectl rollout resume deployment NAME [-n NAMESPACE]
//	    ends a pause
//	kubectl rollout restart KIND NAME [-n NAMESPACE]
//	    replaces all pods by new ones of the same template
//	cluster [--nodes N] [--seed N] [--start RFC3339] [--hosts-bind]
//	    chooses the cluster, as the first command. Without it there are 3 nodes. --hosts-bind: nobody but the planners binds
//	advance DURATION
//	    lets time pass; 0s lets the consequences of what was just written happen
//	until quiet | CONDITION [within DURATION]
//	    lets time pass until nothing is due any more, or until a condition holds; within 10m unless said otherwise
//	node add NAME [KEY=VALUE...]
//	    adds a node that is ready, with labels
//	node remove NAME
//	    takes a node away, and its pods with it
//	node down NAME
//	    cuts a node off: it goes silent, and so do its pods
//	node up NAME
//	    brings it back
//	image NAME [pull=D] [ready=D] [run=D] [exit=CODE,...] [stop=D] [never-ready] [missing]
//	    says what containers of an image do: how long pulling takes, getting ready, running until it exits, stopping; D is 1s for pull and stop
//	pod ready NAME [-n NAMESPACE]
//	    has a pod pass its readiness probes again
//	pod unready NAME [-n NAMESPACE]
//	    has a pod fail its readiness probes
//	pod exit NAME CODE [-n NAMESPACE]
//	    ends the containers of a pod
//	pod evict NAME ["MESSAGE"] [-n NAMESPACE]
//	    fails a pod, as a node does that runs out of memory
//	fail create|update|update-status|delete|bind KIND[/NAME] N times|forever ["MESSAGE"]
//	    has the API server refuse the next such writes of controllers as forbidden
//	conflict update|update-status KIND[/NAME] N times|forever
//	    has such writes conflict, as if someone else had changed the object
//	lose answer VERB KIND[/NAME] N times|forever [unwritten]
//	    has such writes take effect, or not if unwritten, without the controller hearing about it
//	lag HOST [KIND] N
//	    keeps the newest N writes, of one kind or of each, from what a controller sees; 0 ends it
//	crash HOST [after N actions] [keeping its ledger] [for DURATION]
//	    has a controller crash, now or after its next N actions, and start again
//	heal
//	    ends all of these
//	invariant CONDITION
//	    must hold after every write from here on, unless the workload does not exist or is being deleted; another NUMBER replaces it
//	cat FILE
//	    prints a manifest
//	log [WHO...]
//	    tells the writes since the last log but for events; if somebody is named, only theirs
//	plan KIND/NAME
//	    shows the plans made for a workload since they were last shown: their steps, and what is waited for
//
// # Conditions
//
// A condition compares a number of pods of one workload in the namespace default:
// "QUANTITY of KIND/NAME <= NUMBER", or with >= or ==. The pods of a Deployment are those of its
// ReplicaSets, those of a CronJob are those of its Jobs. The quantities:
//
//	pods         neither finished nor being deleted
//	ready        of these, those that are Ready
//	available    of these, those that have been for minReadySeconds
//	terminating  being deleted
//	succeeded    finished with success
//	failed       finished without
//
// # Tests
//
// Package scripttest plays all scripts of a folder as tests; their flag -update rewrites the expected output:
//
//	go test ./plan/sim/script -update
package script
