// Stock go-redis in both protocols: channels, patterns, shard channels, reconnecting, and the cluster client.
package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const patience = 10 * time.Second

func unique(kind string) string {
	var random [6]byte
	_, _ = rand.Read(random[:])
	return kind + "-" + hex.EncodeToString(random[:])
}

// both runs a test in RESP2 and RESP3.
func both(t *testing.T, test func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client)) {
	t.Helper()
	t.Parallel()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
			t.Cleanup(cancel)
			test(t, ctx, func(change ...func(*redis.Options)) *redis.Client {
				options := &redis.Options{Addr: os.Getenv("TRINE_REDIS"), Protocol: protocol}
				for _, one := range change {
					one(options)
				}
				client := redis.NewClient(options)
				t.Cleanup(func() { _ = client.Close() })
				return client
			})
		})
	}
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func publish(t *testing.T, ctx context.Context, client redis.UniversalClient, channel, text string, want int64) {
	t.Helper()
	if got, err := client.Publish(ctx, channel, text).Result(); err != nil || got != want {
		t.Fatalf("PUBLISH %s: %d, %v, wanted %d", channel, got, err, want)
	}
}

func next(t *testing.T, messages <-chan *redis.Message) *redis.Message {
	t.Helper()
	select {
	case message := <-messages:
		return message
	case <-time.After(patience):
		t.Fatal("no message")
		return nil
	}
}

func TestChannelsAndPatterns(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client) {
		client, base := connect(), unique("c")
		subscriber := connect().Subscribe(ctx, base+".a", base+".b")
		defer subscriber.Close()
		for want := 1; want <= 2; want++ {
			told, err := subscriber.Receive(ctx)
			if confirmation, ok := told.(*redis.Subscription); err != nil || !ok || confirmation.Count != want {
				t.Fatalf("confirmation %d: %v, %v", want, told, err)
			}
		}
		if err := subscriber.PSubscribe(ctx, base+".*"); err != nil {
			t.Fatal(err)
		}
		if told, err := subscriber.Receive(ctx); err != nil || told.(*redis.Subscription).Count != 3 {
			t.Fatalf("%v, %v", told, err)
		}
		publish(t, ctx, client, base+".a", "x", 2)
		publish(t, ctx, client, base+".c", "y", 1)
		publish(t, ctx, client, base, "z", 0)
		var seen []string
		for range 3 {
			message, err := subscriber.ReceiveMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, message.Pattern+"|"+message.Channel+"|"+message.Payload)
		}
		want := []string{"|" + base + ".a|x", base + ".*|" + base + ".a|x", base + ".*|" + base + ".c|y"}
		if !slices.Equal(seen, want) {
			t.Fatalf("%v", seen)
		}
		if err := subscriber.Ping(ctx, "marco"); err != nil {
			t.Fatal(err)
		}
		if err := subscriber.Unsubscribe(ctx); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the exact ones are gone", func() bool { return client.PubSubNumSub(ctx, base+".a").Val()[base+".a"] == 0 })
		if channels := client.PubSubChannels(ctx, base+"*").Val(); len(channels) != 0 {
			t.Fatalf("%v", channels)
		}
	})
}

func TestOrderOfAPipeline(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client) {
		client, channel := connect(), unique("c")
		subscriber := connect().Subscribe(ctx, channel)
		defer subscriber.Close()
		if _, err := subscriber.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		messages := subscriber.Channel(redis.WithChannelSize(10_000))
		pipeline := client.Pipeline()
		for number := range 5_000 {
			pipeline.Publish(ctx, channel, number)
		}
		if _, err := pipeline.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		for number := range 5_000 {
			if got := next(t, messages).Payload; got != fmt.Sprint(number) {
				t.Fatalf("%s instead of %d", got, number)
			}
		}
	})
}

// The client sends PING when nothing came for three seconds, and connects again when it is not answered.
func TestHealthCheckKeepsTheConnection(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client) {
		client, channel := connect(), unique("c")
		subscriber := connect(func(o *redis.Options) { o.ClientName = channel }).Subscribe(ctx, channel)
		defer subscriber.Close()
		if _, err := subscriber.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		messages := subscriber.Channel(redis.WithChannelHealthCheckInterval(100 * time.Millisecond))
		before := idOf(client.ClientList(ctx).Val(), channel)
		pinged := func() bool { return strings.Contains(lineOf(client.ClientList(ctx).Val(), channel), "cmd=ping") }
		eventually(t, "a PING", pinged)
		publish(t, ctx, client, channel, "still there", 1)
		if got := next(t, messages).Payload; got != "still there" {
			t.Fatal(got)
		}
		if after := idOf(client.ClientList(ctx).Val(), channel); before == "" || after != before {
			t.Fatalf("connection %q became %q", before, after)
		}
	})
}

func lineOf(list, name string) string {
	for line := range strings.Lines(list) {
		if strings.Contains(line, " name="+name+" ") {
			return line
		}
	}
	return ""
}

func idOf(list, name string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(lineOf(list, name), "id="), " ")
	return id
}

func TestMissesOnlyWhatWasPublishedWhileAway(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client) {
		client, channel := connect(), unique("c")
		subscriber := connect(func(o *redis.Options) { o.ClientName = channel }).Subscribe(ctx, channel)
		defer subscriber.Close()
		if _, err := subscriber.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		messages := subscriber.Channel()
		var expected, seen []string
		send := func(text string) int64 {
			copies, err := client.Publish(ctx, channel, text).Result()
			if err != nil {
				t.Fatal(err)
			}
			if copies == 1 {
				expected = append(expected, text)
			}
			return copies
		}
		for round := range 3 {
			for number := range 20 {
				send(fmt.Sprintf("%d.%d", round, number))
			}
			for len(seen) < len(expected) {
				seen = append(seen, next(t, messages).Payload)
			}
			if n, err := client.ClientKillByFilter(ctx, "ID", idOf(client.ClientList(ctx).Val(), channel)).Result(); err != nil || n != 1 {
				t.Fatalf("killed %d, %v", n, err)
			}
			tries := 0
			eventually(t, "it subscribes again", func() bool { tries++; return send(fmt.Sprintf("%d.away.%d", round, tries)) == 1 })
		}
		for len(seen) < len(expected) {
			seen = append(seen, next(t, messages).Payload)
		}
		if !slices.Equal(seen, expected) {
			t.Fatalf("seen %v\nexpected %v", seen, expected)
		}
	})
}

func TestShardChannels(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client) {
		client, channel := connect(), unique("c")
		subscriber := connect().SSubscribe(ctx, channel)
		defer subscriber.Close()
		if _, err := subscriber.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		if n := client.SPublish(ctx, channel, "x").Val(); n != 1 {
			t.Fatal(n)
		}
		publish(t, ctx, client, channel, "y", 0)
		if message, err := subscriber.ReceiveMessage(ctx); err != nil || message.Payload != "x" {
			t.Fatalf("%v, %v", message, err)
		}
		if n := client.PubSubShardNumSub(ctx, channel).Val()[channel]; n != 1 {
			t.Fatal(n)
		}
	})
}

func TestTransactionsAndErrors(t *testing.T) {
	both(t, func(t *testing.T, ctx context.Context, connect func(...func(*redis.Options)) *redis.Client) {
		client, channel := connect(), unique("c")
		commands, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Publish(ctx, channel, "x")
			pipe.Ping(ctx)
			return nil
		})
		if err != nil || len(commands) != 2 || commands[0].(*redis.IntCmd).Val() != 0 {
			t.Fatalf("%v, %v", commands, err)
		}
		if err := client.Do(ctx, "NOSUCH", "x").Err(); err == nil || !strings.Contains(err.Error(), "unknown command") {
			t.Fatal(err)
		}
		if err := client.Info(ctx, "server").Err(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCluster(t *testing.T) {
	t.Parallel()
	for _, protocol := range []int{2, 3} {
		ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
		defer cancel()
		cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{os.Getenv("TRINE_REDIS_CLUSTER")}, Protocol: protocol})
		defer cluster.Close()
		channel := unique("c")
		subscriber := cluster.SSubscribe(ctx, channel)
		defer subscriber.Close()
		if _, err := subscriber.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		messages := subscriber.Channel()
		for number := range 100 {
			if n, err := cluster.SPublish(ctx, channel, number).Result(); err != nil || n != 1 {
				t.Fatalf("%d, %v", n, err)
			}
			if got := next(t, messages).Payload; got != fmt.Sprint(number) {
				t.Fatalf("%s instead of %d", got, number)
			}
		}
		if slots := cluster.ClusterSlots(ctx).Val(); len(slots) != 1 || slots[0].Start != 0 || slots[0].End != 16383 {
			t.Fatalf("%v", slots)
		}
		if slot := cluster.ClusterKeySlot(ctx, "{foo}bar").Val(); slot != 12182 {
			t.Fatal(slot)
		}
		commands, err := cluster.Command(ctx).Result()
		if err != nil || commands["spublish"].FirstKeyPos != 1 || commands["publish"].FirstKeyPos != 0 {
			t.Fatalf("%v", err)
		}
	}
}
