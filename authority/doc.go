// Package authority says who may act in a tenant, and decides for every entry whether somebody
// may do what he asks for.
//
// Users and clients of a tenant are who may act; roles, granted to users, and the scopes of a
// client say what. They show themselves by a token of ours, or by one that an OpenID Connect issuer
// signed. [Authority.Decide] is the one place where that is judged: the command line, the
// middleware of HTTP ([Authority.Require]) and whoever else lets somebody in ask it, and get a
// context whose transactions are that actor's.
//
// Whoever is refused learns nothing by it: a token that expired, was revoked, is somebody
// else's or never was one are refused in the same words, with a reference by which those who run
// the installation find the reason in the log. Who is known, and may less than he asks for, is told
// what is missing.
//
// Every change of a user, role, grant, client or token is in the audit log of the tenant. Nobody
// gives more than he has. Begin with decide.go; docs/access.md is the manual.
package authority
