package sim

import (
	"fmt"
)

// view is what a host sees of one kind: the state as of some write in the past. It only ever moves forward, write by
// write, as a watch does; what it is made of it shares with the store.
type view struct {
	collection
	position int   // how many of the kind's writes are in it
	version  int64 // the resourceVersion that it has reached
	lag      int   // how many of the newest writes it is kept from
}

// newView lists what there is.
func (c *Cluster) newView(kind string) *view {
	v := &view{}
	c.relist(v, kind)
	return v
}

// relist starts a view anew from a consistent list.
func (c *Cluster) relist(v *view, kind string) {
	shelf := c.store.shelf(kind)
	v.collection = append(collection(nil), shelf.collection...)
	v.position, v.version = len(shelf.log), c.store.version
}

// catchUp moves a view as far as its lag lets it, and gives the writes that it saw on the way.
func (c *Cluster) catchUp(v *view, kind string) []Write {
	log := c.store.shelf(kind).log
	from, to := v.position, max(v.position, len(log)-v.lag)
	for _, w := range log[from:to] {
		v.apply(w)
		v.version = w.ResourceVersion
	}
	v.position = to
	return log[from:to]
}

func (v *view) resourceVersion() string {
	return fmt.Sprint(v.version)
}
