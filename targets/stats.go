package targets

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
)

// Stats asks a target of ours that listens at addr what it says of itself.
func Stats(ctx context.Context, p Protocol, addr string) (orders.Stats, error) {
	if p == GRPC {
		return grpc.Stats(ctx, addr)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+orders.PathStats, nil)
	if err != nil {
		return orders.Stats{}, err
	}
	req.Close = true
	client := http.Client{Transport: &http.Transport{}} // no proxy of the environment's
	resp, err := client.Do(req)
	if err != nil {
		return orders.Stats{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return orders.Stats{}, fmt.Errorf("%s: %s", orders.PathStats, resp.Status)
	}
	var st orders.Stats
	return st, json.NewDecoder(resp.Body).Decode(&st)
}
