package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newHealth(a *app) *cobra.Command {
	url := "http://127.0.0.1:8080/readyz"
	timeout := 5 * time.Second
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running `sluice serve` whether it is ready",
		Long: `Asks a running ` + "`sluice serve`" + ` over HTTP and prints what it answers: exit status 0 when it is
ready, 1 when it is not or does not answer. For the health checks of containers, whose image
holds no other program. Kubernetes asks for itself.`,
		Example: "  sluice health\n  sluice health --url http://127.0.0.1:8080/healthz",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return health(cmd.Context(), a.stdout, url, timeout)
		},
	}
	cmd.Flags().StringVar(&url, "url", url, "what to ask: /readyz, or /healthz where a process that waits for its database is fine")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "wait at most this long for the answer")
	return cmd
}

func health(ctx context.Context, out io.Writer, url string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usagef("--url %s: %w", url, err)
	}
	// No proxy: it is this machine that is asked.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w; does `sluice serve` run, with --listen at this address?", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	text := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, text)
	}
	fmt.Fprintln(out, text)
	return nil
}
