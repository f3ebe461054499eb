package relay

import (
	"context"
	"maps"
	"time"

	"sluice/internal/kafkaclient"
	"sluice/outbox"
)

// countEvery is how often what waits is counted for the metrics.
const countEvery = 15 * time.Second

// leader is the relay that sends. One goroutine owns it and all statements; each lane's
// batch is sent by one of its own.
type leader struct {
	*Relay
	store
	lanes     map[string]*lane
	done      chan *batch
	busy      int
	search    time.Time // when to look for topics nobody knows
	sweep     time.Time // when to delete what was sent
	count     time.Time // when to count
	counted   map[string]bool
	stop, ctx context.Context // stop ends at once, ctx when what is under way must end too
}

func newLeader(r *Relay, s store) *leader {
	l := &leader{Relay: r, store: s, lanes: map[string]*lane{}, done: make(chan *batch), counted: map[string]bool{}}
	for _, name := range []string{outbox.Receipts, outbox.Findings, outbox.Parked} {
		l.lane(name)
	}
	return l
}

func (l *leader) lane(name string) *lane {
	if l.lanes[name] == nil {
		l.lanes[name] = &lane{name: name, topic: l.cfg.topic(name)}
	}
	return l.lanes[name]
}

// run sends until stop ends or the database fails. What is under way is finished, and
// written down now or later.
func (l *leader) run(parent context.Context) (err error) {
	stop, halt := context.WithCancelCause(parent)
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	defer cancel()
	l.stop, l.ctx = stop, ctx
	defer l.forget() // another relay knows now, or nobody
	l.producer.identity.begin()
	defer context.AfterFunc(stop, func() { time.AfterFunc(stopTimeout, cancel) })()

	err = l.loop()
	halt(errStopped)
	for l.busy > 0 {
		b := <-l.done
		if e := l.settled(b); err == nil {
			err = e
		}
	}
	return err
}

func (l *leader) loop() error {
	woken := true
	for {
		if err := l.chores(); err != nil {
			return err
		}
		now := time.Now()
		next := now.Add(l.cfg.Poll)
		for _, lane := range l.lanes {
			if lane.due(now, woken) {
				if err := l.claim(lane); err != nil {
					return err
				}
			}
			if !lane.busy && lane.next.Before(next) {
				next = lane.next
			}
		}
		timer := time.NewTimer(max(time.Until(next), time.Millisecond))
		woken = false
		select {
		case <-l.wake:
			woken = true
		case b := <-l.done:
			if err := l.settled(b); err != nil {
				timer.Stop()
				return err
			}
		case <-timer.C:
		case <-l.stop.Done():
		}
		timer.Stop()
		if l.stop.Err() != nil {
			return l.stop.Err()
		}
	}
}

// claim takes the lane's next rows and has them sent.
func (l *leader) claim(lane *lane) error {
	if l.producer.identity.wanted() {
		if err := l.renew(*l.producer.identity.current()); err != nil {
			return err
		}
	}
	begin := time.Now()
	rows, err := l.store.claim(l.ctx, lane.name, lane.after, l.atOnce)
	if err != nil {
		return err
	}
	now := time.Now()
	lane.looked(now, now.Sub(begin), rows, l.cfg)
	if len(rows) == 0 {
		if lane.recovered() {
			l.cfg.Logger.Info("the topic is written again; nothing waits", "topic", lane.topic)
		}
		return nil
	}
	b := &batch{lane: lane, rows: rows, failing: map[int]bool{}}
	maps.Copy(b.failing, lane.failing)
	lane.busy = true
	l.busy++
	go func() {
		l.send(l.stop, l.ctx, b)
		l.done <- b
	}()
	return nil
}

// renew takes a new epoch.
func (l *leader) renew(who kafkaclient.Identity) error {
	if who.Epoch == kafkaclient.LastEpoch {
		l.producer.identity.begin() // with another producer id
		return nil
	}
	who, err := l.epoch(l.ctx, who)
	if err != nil {
		return err
	}
	l.producer.identity.adopt(&who)
	l.cfg.Logger.Debug("the relay has an epoch", "cluster", who.Cluster, "producer_id", who.Producer, "epoch", who.Epoch)
	return nil
}

// settled writes down what became of a batch. What the database cannot be told now is kept.
func (l *leader) settled(b *batch) error {
	l.busy--
	lane := b.lane
	lane.busy = false
	if b.offer != nil {
		lane.after, lane.idle = b.rows[0].Seq-1, false // the same rows again, now that there is an epoch
		if l.stop.Err() != nil || l.producer.identity.current() != nil {
			return nil
		}
		return l.renew(*b.offer)
	}
	done, back, left := b.split()
	if (b.blocked || len(b.failing) > len(lane.failing)) && !lane.left {
		l.complain(b, back)
	}
	lane.failing, lane.blocked = b.failing, b.blocked
	t := settlement{done: done, back: back}
	if left {
		t.pause = lane.leave(time.Now(), l.cfg)
	}
	l.beforeSettle()
	patience := queryTimeout
	if l.stop.Err() != nil {
		patience = stopTimeout / 4
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), patience)
	defer cancel()
	if err := l.settle(ctx, t); err != nil {
		l.owed = append(l.owed, t)
		return err
	}
	if b.fenced {
		return errFenced
	}
	l.slow, l.atOnce = 0, min(2*l.atOnce, l.claimRows) // more again, little by little
	return nil
}

// complain logs the first failure after a success, and then every tenth.
func (l *leader) complain(b *batch, back []leftover) {
	if b.lane.fails%10 != 0 || len(back) == 0 {
		return
	}
	l.cfg.Logger.Warn("messages wait in core.outbox; nothing is lost and they are tried again, other topics go on",
		"topic", b.lane.topic, "partitions", len(b.failing), "failures", b.lane.fails+1, "error", back[0].err)
}

// chores are what is due by the clock.
func (l *leader) chores() error {
	now := time.Now()
	if !now.Before(l.search) {
		topics, err := l.topics(l.ctx)
		if err != nil {
			return err
		}
		for _, name := range topics {
			l.lane(name)
		}
		took := time.Since(now)
		l.search = now.Add(max(l.cfg.Poll, 20*took))
	}
	if !now.Before(l.sweep) {
		more, err := l.clean(l.ctx, l.cfg.Keep)
		if err != nil {
			return err
		}
		l.sweep = time.Now().Add(min(max(l.cfg.Keep/10, 100*time.Millisecond), time.Minute))
		if more {
			l.sweep = time.Now()
		}
	}
	if !now.Before(l.count) {
		list, err := l.pending(l.ctx)
		if err != nil {
			return err
		}
		l.publish(list)
		l.metrics.known.Set(1)
		l.count = time.Now().Add(countEvery)
	}
	return nil
}

// publish sets the metrics of what waits. A topic of which nothing waits any more is 0.
func (l *leader) publish(list []pending) {
	for topic := range l.counted {
		l.counted[topic] = false
	}
	for _, p := range list {
		topic := l.cfg.topic(p.Topic)
		l.counted[topic] = true
		l.metrics.pending.WithLabelValues(topic).Set(float64(p.Rows))
		l.metrics.oldest.WithLabelValues(topic).Set(p.Oldest)
	}
	for topic, found := range l.counted {
		if !found {
			l.metrics.pending.WithLabelValues(topic).Set(0)
			l.metrics.oldest.WithLabelValues(topic).Set(0)
		}
	}
}

// forget takes back what the metrics say: what waits is not known here any more, and 0 would
// say that nothing does.
func (l *leader) forget() {
	l.metrics.known.Set(0)
	for topic := range l.counted {
		l.metrics.pending.DeleteLabelValues(topic)
		l.metrics.oldest.DeleteLabelValues(topic)
	}
}
