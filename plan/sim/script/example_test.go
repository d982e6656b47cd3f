package script_test

import (
	"fmt"
	"os"
	"testing/fstest"

	"github.com/kubeplan/kubeplan/plan/sim/script"
)

// A script is played on a cluster of its own. What is printed is the session; the error tells where it is not what the
// script expects.
func ExampleScript_Play() {
	files := fstest.MapFS{"web.yaml": {Data: []byte(`
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: nginx}]}
`)}}
	s, err := script.Parse("web.txt", `# Two pods are wanted.
$ kubectl apply -f web.yaml
replicaset.apps/web created
$ invariant pods of rs/web <= 2
$ until quiet
1s later
$ kubectl get rs
NAME   DESIRED   CURRENT   READY   AGE
web    2         2         1       1s
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Play(files, os.Stdout)
	fmt.Println()
	fmt.Println(err)
	// Output:
	// # Two pods are wanted.
	// $ kubectl apply -f web.yaml
	// replicaset.apps/web created
	// $ invariant pods of rs/web <= 2
	// $ until quiet
	// 1s later
	// $ kubectl get rs
	// NAME   DESIRED   CURRENT   READY   AGE
	// web    2         2         2       1s
	//
	// web.txt:7: $ kubectl get rs
	//     NAME   DESIRED   CURRENT   READY   AGE
	//   - web    2         2         1       1s
	//   + web    2         2         2       1s
}
