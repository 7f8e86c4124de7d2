package peers

import (
	"fmt"

	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/units"
)

// multiplexed are clients that share connections of HTTP/2.
func multiplexed(t task, connections, clients int) task {
	t.Shared, t.Streams = connections, clients/connections
	return t
}

// http2Line has h2load speak HTTP/2: its clients are connections.
const http2Line = "-t1 -c{shared} -m{streams} -D{seconds}s "

// overHTTP2 are loads on nginx over HTTP/2, and on a server that asks the kernel when it
// received each request.
func overHTTP2(r *runner) (all []*contest) {
	mine := oursTo(r.Exe, "h2c://{rest} --driver "+epoll.Name+" --connections {shared}")
	mine.Name = "onhold (" + epoll.Name + ")"
	one := oursTo(r.Exe, "{url} --driver "+epoll.Name+" --max-connections {streams}")
	one.Name = "onhold (" + epoll.Name + "), HTTP/1.1"
	with := func(t target) [][]contestant {
		pairs := [][]contestant{{{mine.Name, &mine, t}}}
		for _, peer := range r.Tools {
			if peer.Name == h2load {
				peer.closed, peer.constant = http2Line+"{url}", http2Line+"--rps {each} {url}"
				pairs[0] = append(pairs[0], contestant{peer.Name, &peer, t})
			}
		}
		return pairs
	}
	for _, k := range []struct{ clients, connections int }{{100, 1}, {1000, 10}} {
		all = append(all, &contest{
			Name: fmt.Sprintf("%s streams over %s", units.Int(k.clients), units.Plural(k.connections, "connection")),
			task: multiplexed(closedTask(k.clients, atOnce), k.connections, k.clients), pairs: with(target{other: nginx(protoHTTP2)}), metrics: costMetrics,
		})
	}
	for _, rate := range []int{1000, 5000} {
		on := target{other: logged(protoHTTP2)}
		all = append(all, &contest{
			Name: units.Int(rate) + " per second over 10 connections", task: multiplexed(constantTask(rate, 10), 10, 1000),
			About:   "At a server that asks the kernel when it received each request. Ours is compared with itself over HTTP/1.1, too.",
			pairs:   append(with(on), []contestant{{mine.Name, &mine, on}, {one.Name, &one, target{other: logged(protoPlain)}}}),
			metrics: append(pacingMetrics[:3:3], clientCPU),
		})
	}
	return all
}

// echoProto describes the method that the server of logged answers.
const echoProto = `syntax = "proto3";
package peers;
service Echo { rpc Call(Empty) returns (Empty); }
message Empty {}
`

// overGRPC are calls of a server that answers at once, and asks the kernel when it
// received each.
func overGRPC(r *runner) (all []*contest) {
	mine := oursTo(r.Exe, "grpc://{host}/peers.Echo/Call --proto {dir}/"+protoFile+" --connections {shared}")
	mine.input, mine.inputAs = echoProto, protoFile
	on := target{other: logged(protoGRPC)}
	is := func(t Tool) bool { return t.Name == ghz }
	task := func(t task) task { return multiplexed(t, 10, 100) }
	return []*contest{
		{Name: "100 clients over 10 connections", task: task(closedTask(100, atOnce)), pairs: r.versus(on, &mine, is), metrics: costMetrics},
		{Name: "1,000 per second over 10 connections", task: task(constantTask(1000, 10)), pairs: r.versus(on, &mine, is), metrics: append(pacingMetrics[:3:3], clientCPU)},
	}
}
