package main

import (
	"github.com/spf13/pflag"

	"sluice/internal/pg"
)

// poolFlag is one limit of pools: a value, or one per role.
type poolFlag struct {
	limit  pg.Limit
	limits pg.Limits
}

func (f poolFlag) String() string { return f.limit.String(f.limits[f.limit]) }

func (f poolFlag) Set(text string) error {
	s, err := f.limit.ParseSetting(text)
	if err == nil {
		f.limits[f.limit] = s
	}
	return err
}

func (f poolFlag) Type() string { return "by-role" }

// poolUsage says what the limits are; the values without a flag are in docs/pools.md.
var poolUsage = map[pg.Limit]string{
	pg.LimitMax:               "connections of a pool at most; default what its part uses at the same time, and fewer are refused",
	pg.LimitMin:               "connections that a pool keeps open; default 0, of the large pools of serve 5",
	pg.LimitConnect:           "longest time to make a connection; default 5s",
	pg.LimitIdle:              "a connection without work for so long is closed; default 10m",
	pg.LimitLifetime:          "a connection of this age is replaced; default 30m",
	pg.LimitStatement:         "longest time for a statement, 0 for none; default by role",
	pg.LimitLock:              "longest time that a statement waits for a lock, 0 for none; default by role",
	pg.LimitIdleInTransaction: "sessions whose transaction waits for us for so long are ended, 0 for none; default by role",
	pg.LimitTransaction:       "longest time for a transaction, 0 for none, from PostgreSQL 17 on; default by role",
}

func (a *app) poolFlags(f *pflag.FlagSet) {
	a.pools = pg.Limits{}
	for _, limit := range pg.AllLimits {
		f.Var(poolFlag{limit, a.pools}, "pool-"+string(limit), poolUsage[limit])
	}
}
