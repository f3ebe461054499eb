package main

import (
	"errors"

	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
)

// unreached says what to look at where no server answered: what it may mean, and which setting says
// where the server is. It is "" for every other error.
func (a *app) unreached(err error) string {
	var database *pg.UnreachableError
	var kafka *kafkaclient.UnreadyError
	switch {
	case errors.As(err, &database):
		return "\n" + pg.Unanswered(err) + a.from("database-url")
	case errors.As(err, &kafka) && kafka.Err != nil:
		text := "\n"
		if why := pg.Unanswered(err); why != "" {
			text += why + "; "
		}
		return text + "a port with TLS wants --kafka-tls, one with a login --kafka-sasl" + a.from("brokers")
	}
	return ""
}

// from says where the value of a flag comes from, for the end of a message; "" where it is the default.
func (a *app) from(flag string) string {
	switch o := a.origins[flag]; {
	case o.rank == byDefault:
		return ""
	case o.from == "flag":
		return " (it is --" + flag + ")"
	default:
		return " (it is --" + flag + ", from " + o.from + ")"
	}
}
