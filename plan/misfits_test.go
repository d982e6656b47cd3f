package plan_test

import (
	"testing"

	"github.com/kubeplan/kubeplan/plan"
)

// TestDecodeNamesFields: what cannot be read is named by its path, all of it, indexes and keys included.
func TestDecodeNamesFields(t *testing.T) {
	tests := []struct {
		name, reason, json, want string
	}{
		{
			name:   "sound",
			reason: "null is no value, and a field that nobody knows may come from a newer server",
			json:   `{"apiVersion":"v1","kind":"Pod","metadata":null,"spec":{"novelty":1}}`,
		},
		{
			name:   "integer",
			reason: "text is no number",
			json:   `{"apiVersion":"apps/v1","kind":"ReplicaSet","spec":{"replicas":"three"}}`,
			want:   `spec.replicas: Invalid value: "three": must be an integer of 32 bits`,
		},
		{
			name:   "too large",
			reason: "the number is shown as it was written",
			json:   `{"apiVersion":"v1","kind":"Pod","spec":{"priority":3000000000}}`,
			want:   `spec.priority: Invalid value: 3000000000: must be an integer of 32 bits`,
		},
		{
			name:   "in a list",
			reason: "the index says which container",
			json:   `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a"},{"name":true}]}}`,
			want:   `spec.containers[1].name: Invalid value: true: must be a string`,
		},
		{
			name:   "types that read themselves",
			reason: "encoding/json does not say where a time or a quantity stands",
			json:   `{"apiVersion":"v1","kind":"Pod","metadata":{"creationTimestamp":"now"},"spec":{"overhead":{"cpu":"much"}}}`,
			want:   `[metadata.creationTimestamp: Invalid value: "now": must be a time, spec.overhead[cpu]: Invalid value: "much": must be a quantity]`,
		},
		{
			name:   "shapes",
			reason: "a list is no object and an object no list",
			json:   `{"apiVersion":"v1","kind":"Pod","metadata":[],"spec":{"containers":{},"nodeSelector":"a=b","hostNetwork":"yes"}}`,
			want:   `[metadata: Invalid value: []: must be an object, spec.containers: Invalid value: {}: must be a list, spec.nodeSelector: Invalid value: "a=b": must be an object, spec.hostNetwork: Invalid value: "yes": must be a boolean]`,
		},
		{
			name:   "bytes",
			reason: "a secret's data is base64",
			json:   `{"apiVersion":"v1","kind":"Secret","data":{"key":"?"}}`,
			want:   `data[key]: Invalid value: "?": must be a base64 string`,
		},
		{
			name:   "kind",
			reason: "what the object is must be known first",
			json:   `{"apiVersion":"v1","kind":7}`,
			want:   `kind: Invalid value: 7: must be a string`,
		},
		{
			name:   "no object",
			reason: "nothing to name",
			json:   `["apiVersion"]`,
			want:   `must be an object`,
		},
		{
			name:   "syntax",
			reason: "not JSON at all",
			json:   `{"kind"`,
			want:   `unexpected end of JSON input`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			obj, err := plan.Decode([]byte(tt.json))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || (obj == nil) != (err != nil) {
				t.Errorf("%s: got %v, %q; want %q", tt.reason, obj, got, tt.want)
			}
		})
	}
}
