// Command sluice imports SBOMs, VEX and vulnerability facts into PostgreSQL and
// says what they mean for each other: open findings, suppressed ones with the
// reason, and what could not be matched.
//
// This package is the command line and the wiring: the only place that knows
// every other one. Each command has a file of its own; app.go holds what they share.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/embedpg"
	"sluice/internal/pg"
)

func main() {
	embedpg.Main() // returns unless this process is the embedded server's keeper
	os.Exit(realMain())
}

func realMain() int {
	ctx, stop := signals(context.Background())
	defer stop()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// stopped is the cause of a context that a signal ended.
type stopped struct{ sig syscall.Signal }

func (s stopped) Error() string { return "stopped by " + s.sig.String() }

// signals ends the context at the first SIGINT or SIGTERM, so that the batch in hand is
// finished, and the process at the second.
func signals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		first, ok := <-ch
		if !ok {
			return
		}
		cancel(stopped{first.(syscall.Signal)})
		if second, ok := <-ch; ok {
			os.Exit(128 + int(second.(syscall.Signal)))
		}
	}()
	return ctx, func() { signal.Stop(ch); close(ch); cancel(nil) }
}

// usageError is a mistake on the command line: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errParked: the work is done, but documents were parked. Exit status 3, nothing to print.
var errParked = errors.New("documents were parked")

// run is the whole program but for the process around it. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	defer a.close()
	root := newRoot(a)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		a.completes(root) // takes as long as all else that is to be set up
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	var wrong *ask.WrongError
	var stop stopped
	var url *pg.URLError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errParked):
		return 3
	case errors.Is(err, errWarn):
		return 4
	case errors.Is(err, errAct):
		return 5
	case errors.Is(err, errFailOn):
		return 6
	case errors.As(err, &usage):
		a.note("sluice: %v", err)
		return 2
	case errors.As(err, &wrong):
		if wrong.Field != "" {
			err = fmt.Errorf("--%w", wrong) // members are named as flags are
		}
		a.note("sluice: %v", err)
		return 2
	case errors.As(err, &url):
		a.note("sluice: %v%s", err, a.from("database-url"))
		return 2
	case errors.As(context.Cause(ctx), &stop):
		a.note("sluice: %v", stop)
		return 128 + int(stop.sig)
	}
	if old := (*pg.TooOldError)(nil); errors.As(err, &old) {
		err = old // whatever was to be done with the server
	}
	a.note("sluice: %v%s", err, a.unreached(err))
	return 1
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Import SBOMs, VEX and vulnerability facts into PostgreSQL, exactly once in effect",
		Long: `Sluice imports SBOMs, VEX and vulnerability facts into PostgreSQL, exactly once in
effect, for many tenants, and keeps the findings right whatever order they arrive in.

Without --database-url it runs a PostgreSQL of its own under --home.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but documents were parked,
4 and 5 what doctor found is to be watched, or acted on,
6 there are findings that --fail-on names,
130 or 143 stopped by a signal after the batch in hand was finished.`,
		Example: `  sluice ingest file feeds/ --shared
  sluice ingest file ./sboms --tenant acme --wait
  sluice findings --tenant acme`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			return a.admit(cmd)
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.Version = versionLine()
	root.SetVersionTemplate("{{.Version}}\n")
	a.flags(root.PersistentFlags())
	shortHelp(root)
	root.AddCommand(
		newIngest(a),
		newProject(a),
		newRebuild(a),
		newServe(a),
		newFindings(a),
		newMatch(a),
		newFeeds(a), newUnknowns(a),
		newVEX(a),
		newArtifact(a),
		newTriage(a),
		newReport(a),
		newNotify(a),
		newParked(a),
		newJobs(a),
		newRuns(a),
		newInstances(a),
		newDocument(a),
		newTenant(a),
		newFlag(a),
		newLimit(a),
		newAuth(a),
		newMigrate(a),
		newPartitions(a),
		newMaintain(a),
		newDatabase(a),
		newBackup(a),
		newTopics(a),
		newAudit(a),
		newConfig(a),
		newHealth(a),
		newStats(a),
		newExplain(a),
		newDoctor(a),
		newBench(a),
		newVersion(a),
	)
	strict(root)
	return root
}

// strict makes wrong arguments usage errors, and a command that only groups others
// refuse what it does not know instead of printing help with status 0.
func strict(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case cmd.HasSubCommands() && len(args) > 0:
				return unknownCommand(cmd, args[0])
			}
			if told := checkArguments(cmd, args); told != nil {
				return told
			}
			return usagef("%w; see `%s --help`", err, cmd.CommandPath())
		}
	}
	if cmd.RunE != nil && cmd.PreRunE == nil {
		cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
			// cobra would check this itself a moment later, with status 1.
			err := cmd.ValidateRequiredFlags()
			if err == nil {
				err = cmd.ValidateFlagGroups()
			}
			if err != nil {
				return usagef("%w; see `%s --help`", err, cmd.CommandPath())
			}
			return nil
		}
	}
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.Args = cobra.ArbitraryArgs
		cmd.Annotations = map[string]string{onlyGroups: "true"}
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		}
	}
	for _, c := range cmd.Commands() {
		strict(c)
	}
}
