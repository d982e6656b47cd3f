// Package table shows objects as kubectl does: the tables of "kubectl get", the pages of "kubectl describe", and
// the names under which kubectl knows a kind.
//
// Everything in it is a pure function of the objects and of the time at which they are looked at. Columns,
// words and ages are those of kubectl 1.36; fields that an API server would have defaulted
// are shown with their default. A kind without a table of its own is shown with NAME and AGE.
package table
