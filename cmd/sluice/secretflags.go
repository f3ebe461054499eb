package main

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"sluice/internal/secret"
)

// secretFlags are the ways to a secret: --NAME-file, --NAME-command, and SLUICE_NAME in the
// environment. There is no flag that takes the secret itself: every user of a machine
// sees the arguments of every program on it.
type secretFlags struct {
	name          string
	file, command string
}

// secretFile marks a --NAME-file flag with NAME, the secret's.
const secretFile = "secret"

// add registers the flags of a secret; what says what it is.
func (s *secretFlags) add(flags *pflag.FlagSet, name, what string) {
	s.name = name
	flags.StringVar(&s.file, name+"-file", "", "file that holds "+what+"; else it comes from --"+name+"-command, or from env "+environmentName(name))
	_ = flags.SetAnnotation(name+"-file", secretFile, []string{name}) // fails only for a flag that is not there
	flags.StringVar(&s.command, name+"-command", "", "command that prints "+what+", as vault or pass do; run without a shell")
}

// asked reports whether a flag names the secret's place.
func (s *secretFlags) asked() bool { return s.file != "" || s.command != "" }

// source is where the secret is. It refuses two places at once.
func (s *secretFlags) source() (secret.Source, error) {
	src := secret.Source{Value: secret.Secret(os.Getenv(environmentName(s.name))), File: s.file, Command: s.command}
	if err := src.Check(); err != nil {
		return src, usagef("--%s-file and --%s-command: %w", s.name, s.name, err)
	}
	return src, nil
}

// get fetches the secret now; it is empty where no place has one.
func (s *secretFlags) get(ctx context.Context) (secret.Secret, error) {
	src, err := s.source()
	if err != nil {
		return "", err
	}
	value, err := src.Get(ctx)
	if err != nil {
		how := "file"
		if s.command != "" {
			how = "command"
		}
		return "", usagef("--%s-%s: %w", s.name, how, err)
	}
	return value, nil
}
