package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/secret"
)

// stopTimeout is how long a stop waits for what is under way to receivers.
const stopTimeout = 4 * time.Second

// sender posts what waits. One goroutine owns it; each message on its way has one of its own.
type sender struct {
	*Notifier
	flying map[id.ID]id.ID // rule to tenant
	done   chan landed
	tally  Tally
}

// landed is a message that came back.
type landed struct {
	delivery
	outcome
	pause time.Duration // of one that was not taken, until it is tried again
	dead  bool          // it is given up
	lost  error         // of the database, that could not be told
}

func (n *Notifier) newSender() *sender {
	return &sender{Notifier: n, flying: map[id.ID]id.ID{}, done: make(chan landed)}
}

// run sends until ctx ends or the database fails, and waits for what is under way.
func (s *sender) run(parent context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	defer cancel()
	defer context.AfterFunc(parent, func() { time.AfterFunc(stopTimeout, cancel) })()
	err := s.loop(parent, ctx)
	for len(s.flying) > 0 {
		if e := s.land(<-s.done); err == nil {
			err = e
		}
	}
	return err
}

func (s *sender) loop(parent, ctx context.Context) error {
	var sweep, count time.Time
	for {
		if err := s.launch(ctx, false, nil); err != nil {
			return err
		}
		if now := time.Now(); !now.Before(sweep) {
			if _, err := s.pool.Exec(ctx, sqlClean, s.cfg.KeepSent, s.cfg.KeepFailed, 5000); err != nil {
				return fmt.Errorf("delete old notifications: %w", err)
			}
			sweep = now.Add(time.Minute)
		}
		if now := time.Now(); !now.Before(count) {
			if err := s.count(ctx); err != nil {
				return err
			}
			count = now.Add(15 * time.Second)
		}
		timer := time.NewTimer(min(s.cfg.Poll, time.Second))
		select {
		case <-parent.Done():
			timer.Stop()
			return parent.Err()
		case l := <-s.done:
			if err := s.land(l); err != nil {
				timer.Stop()
				return err
			}
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// launch sends messages whose time has come, or all that wait, but for those of rules in but.
func (s *sender) launch(ctx context.Context, all bool, but []id.ID) error {
	room := maxInFlight - len(s.flying)
	if room == 0 {
		return nil
	}
	of := map[id.ID]int{} // by tenant
	for rule, tenant := range s.flying {
		but = append(but, rule)
		of[tenant]++
	}
	if but == nil {
		but = []id.ID{}
	}
	// More than there is room for: those of a tenant that has as many on their way as it may stay.
	rows, err := s.pool.Query(ctx, sqlClaim, 16*maxInFlight, all, but)
	if err != nil {
		return fmt.Errorf("notifications that wait: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d delivery, err error) {
		var url, key string
		err = row.Scan(&d.tenant, &d.id, &d.rule, &d.name, &d.body, &d.attempts, &d.since, &d.due, &url, &key)
		d.url, d.secret = secret.Secret(url), secret.Secret(key)
		return d, err
	})
	if err != nil {
		return fmt.Errorf("notifications that wait: %w", err)
	}
	for _, d := range list {
		if room == 0 {
			break
		}
		if of[d.tenant] == maxOfTenant {
			continue
		}
		room--
		of[d.tenant]++
		s.flying[d.rule] = d.tenant
		go func() {
			l := landed{delivery: d, outcome: s.client.post(ctx, d, time.Now())}
			l.pause, l.dead = s.verdict(d, l.outcome)
			l.lost = s.settle(ctx, l)
			s.done <- l
		}()
	}
	return nil
}

// settle writes down what came of an attempt.
func (n *Notifier) settle(ctx context.Context, l landed) error {
	if err := n.beforeSettle(l); err != nil {
		return err
	}
	// What is known is written down although a stop was asked for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	ctx = pg.WithoutFence(ctx)
	var err error
	if l.err == nil {
		_, err = n.pool.Exec(ctx, sqlSent, l.tenant, l.id, l.status)
	} else {
		_, err = n.pool.Exec(ctx, sqlLeft, l.tenant, l.id, l.attempts, l.status, l.err.Error(), l.pause, l.dead)
	}
	if err != nil {
		return fmt.Errorf("note what came of a notification: %w", err)
	}
	return nil
}

// verdict says how long a message that was not taken waits, or that it is given up.
func (n *Notifier) verdict(d delivery, o outcome) (wait time.Duration, dead bool) {
	if o.err == nil {
		return 0, false
	}
	if o.final || time.Since(d.since) >= n.cfg.GiveUp {
		return 0, true
	}
	return n.cfg.wait(d.attempts+1, o.wait), false
}

// land takes note of a message that came back.
func (s *sender) land(l landed) error {
	delete(s.flying, l.rule)
	if l.lost != nil {
		return l.lost
	}
	if l.err == nil {
		s.tally.Sent++
		s.metrics.messages.WithLabelValues("sent").Inc()
		return nil
	}
	if l.dead {
		s.tally.Failed++
		s.metrics.messages.WithLabelValues("failed").Inc()
		s.cfg.Logger.Error("a notification was given up; `sluice notify failed retry` sends it again", "tenant", l.tenant, "rule", l.name, "message", l.id, "attempts", l.attempts+1, "error", l.err)
		return nil
	}
	s.tally.Waiting++
	s.metrics.messages.WithLabelValues("retried").Inc()
	if l.attempts == 0 || l.attempts%10 == 9 {
		s.cfg.Logger.Warn("a notification was not taken; it is tried again, others go on", "tenant", l.tenant, "rule", l.name, "message", l.id, "attempts", l.attempts+1, "pause", l.pause.Round(time.Second), "error", l.err)
	}
	return nil
}

func (n *Notifier) count(ctx context.Context) error {
	var waiting, failed int64
	if err := n.pool.QueryRow(ctx, sqlCounts).Scan(&waiting, &failed); err != nil {
		return fmt.Errorf("count notifications: %w", err)
	}
	n.metrics.waiting.Set(float64(waiting))
	n.metrics.failed.Set(float64(failed))
	return nil
}

// drain sends everything that waits, each message once, and waits for it.
func (s *sender) drain(ctx context.Context) error {
	var tried []id.ID
	for {
		before := len(s.flying)
		if err := s.launch(ctx, true, tried); err != nil {
			return errors.Join(err, s.landAll())
		}
		if len(s.flying) == 0 {
			return nil
		}
		if len(s.flying) > before {
			continue
		}
		l := <-s.done
		tried = append(tried, l.rule)
		if err := s.land(l); err != nil {
			return errors.Join(err, s.landAll())
		}
	}
}

func (s *sender) landAll() (err error) {
	for len(s.flying) > 0 {
		err = errors.Join(err, s.land(<-s.done))
	}
	return err
}
