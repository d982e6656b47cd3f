// Package together holds no code: its tests run the six planners of this module in one cluster, over a thousand short histories
// and one long one.
package together
