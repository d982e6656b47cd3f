package embed

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubeplan/kubeplan/plan"
)

// ledgers holds what was issued for each rank of each Fleet, and not for a successor of the same name. It is lost with the
// process: then the first list of the cache has to be consistent.
type ledgers struct {
	mu   sync.Mutex
	kept map[types.NamespacedName]ledger
}

type ledger struct {
	uid     types.UID
	pending map[string]plan.Pending // by rank
}

func (l *ledgers) of(fleet *Fleet, rank string) plan.Pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kept := l.kept[nameOf(fleet)]; kept.uid == fleet.UID {
		return kept.pending[rank]
	}
	return plan.Pending{}
}

func (l *ledgers) keep(fleet *Fleet, rank string, pending plan.Pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = map[types.NamespacedName]ledger{}
	}
	if l.kept[nameOf(fleet)].uid != fleet.UID {
		l.kept[nameOf(fleet)] = ledger{fleet.UID, map[string]plan.Pending{}}
	}
	l.kept[nameOf(fleet)].pending[rank] = pending
}

func (l *ledgers) forget(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kept, name)
}

func nameOf(fleet *Fleet) types.NamespacedName {
	return types.NamespacedName{Namespace: fleet.Namespace, Name: fleet.Name}
}
