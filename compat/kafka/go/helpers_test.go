// Stock franz-go (kgo and kadm) against the server at TRINE_KAFKA.
package compat

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience is long enough for a group's initial delay and a rebalance on a busy machine.
const patience = 40 * time.Second

func bootstrap() string {
	address := os.Getenv("TRINE_KAFKA")
	if address == "" {
		fmt.Fprintln(os.Stderr, "set TRINE_KAFKA to host:port")
		os.Exit(2)
	}
	return address
}

// unique returns a name no other test or suite uses.
func unique(what string) string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return "go-" + what + "-" + hex.EncodeToString(b[:])
}

func contextFor(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(bootstrap()),
		kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.MetadataMinAge(100 * time.Millisecond),
	}, opts...)...)
	ok(t, err)
	t.Cleanup(cl.Close)
	return cl
}

func admin(t *testing.T) *kadm.Client {
	t.Helper()
	return kadm.NewClient(client(t))
}

// topic creates a topic and waits until the server lists all of its partitions.
func topic(t *testing.T, what string, partitions int32, configs ...string) string {
	t.Helper()
	name := unique(what)
	adm := admin(t)
	m := map[string]*string{}
	for i := 0; i < len(configs); i += 2 {
		m[configs[i]] = &configs[i+1]
	}
	resp, err := adm.CreateTopic(contextFor(t), partitions, 1, m, name)
	ok(t, err)
	ok(t, resp.Err)
	eventually(t, "topic "+name, func() bool {
		details, err := adm.ListTopics(contextFor(t), name)
		return err == nil && details[name].Err == nil && len(details[name].Partitions) == int(partitions)
	})
	return name
}

// fill produces n records v0…vn-1 to one partition.
func fill(t *testing.T, topic string, partition int32, n int) {
	t.Helper()
	cl := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: partition, Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i)}
	}
	ok(t, cl.ProduceSync(contextFor(t), records...).FirstErr())
}

// take polls until n records came.
func take(t *testing.T, cl *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	ctx := contextFor(t)
	var records []*kgo.Record
	for len(records) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%v after %d of %d records", err, len(records), n)
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			t.Fatalf("fetch of %s/%d: %v", topic, partition, err)
		})
		records = append(records, fetches.Records()...)
	}
	equal(t, "records", len(records), n)
	return records
}

// readAll reads a topic from its start.
func readAll(t *testing.T, topic string, n int, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	return take(t, client(t, append([]kgo.Opt{
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}, opts...)...), n)
}

// member is a consumer of a group that polls on its own goroutine and commits what it got after every poll.
type member struct {
	cl   *kgo.Client
	mu   sync.Mutex
	owns map[string]map[int32]bool
	stop context.CancelFunc
	done chan struct{}
}

// inbox collects what the members of a group received.
type inbox struct {
	mu      sync.Mutex
	records []*kgo.Record
}

func (in *inbox) len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.records)
}

func join(t *testing.T, group, topic string, in *inbox, opts ...kgo.Opt) *member {
	t.Helper()
	m := &member{owns: map[string]map[int32]bool{}, done: make(chan struct{})}
	change := func(set bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(ctx context.Context, cl *kgo.Client, changed map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for topic, partitions := range changed {
				for _, p := range partitions {
					if m.owns[topic] == nil {
						m.owns[topic] = map[int32]bool{}
					}
					if set {
						m.owns[topic][p] = true
					} else {
						delete(m.owns[topic], p)
					}
				}
			}
		}
	}
	m.cl = client(t, append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(300 * time.Millisecond),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)), kgo.OnPartitionsLost(change(false)),
	}, opts...)...)
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			fetches := m.cl.PollFetches(ctx)
			if records := fetches.Records(); len(records) > 0 {
				in.mu.Lock()
				in.records = append(in.records, records...)
				in.mu.Unlock()
				if err := m.cl.CommitRecords(context.Background(), records...); err != nil {
					t.Errorf("commit: %v", err)
				}
			}
			m.cl.AllowRebalance()
		}
	}()
	t.Cleanup(m.leave)
	return m
}

func (m *member) count(topic string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.owns[topic])
}

// leave stops polling and closes the client, which sends LeaveGroup for dynamic members.
func (m *member) leave() {
	m.stop()
	<-m.done
	m.cl.Close()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// fails demands this very error.
func fails(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("never came true: %s", what)
}
