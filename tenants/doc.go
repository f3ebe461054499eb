// Package tenants makes tenants and says what holds for each: how long its documents are
// kept, whether a legal hold is on it, who may log in to read it.
//
// The calls take a pool of the maintainer, the only role that sees every tenant. What is
// wrong with a name or a policy is an *ask.WrongError, a tenant that there is not an
// *ask.NotFoundError. Begin with Find and Create; the policy is in policy.go.
package tenants
