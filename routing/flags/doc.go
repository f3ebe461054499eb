// Package flags says what is switched on, for whom: by tenant, by a share of the tenants, by
// attributes of what is asked about. Flags are rows of routing.feature_flag; every change of one is
// a new version, kept with who made it.
//
// A tenant that has not set a flag has what is set for all, under the nil UUID; where nobody has, the
// flag is as the program has it (Definitions). Rules are documented with Rules.
//
// Whoever asks keeps a *Flags and takes a Set of it for one piece of work:
//
//	set, err := f.Of(ctx, tenant)
//	if set.On(flags.Receipts, nil) { … }
//
// A Set is at most 2 s behind the database, or Of fails: every half second one number is compared
// with routing.change. Rules come from Redis where there is one (flag:{key}:{version}, a key per
// tenant), and from PostgreSQL where there is none or it does not answer. Which version counts, and
// what its rules hash to, PostgreSQL alone says: so the answers are the same with Redis, without it,
// and with one that holds something else.
//
// What decides about findings is read in the transaction that writes them instead (Load).
package flags
