package bare

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Client asks a server of this package what it did.
type Client struct{ Addr string }

// controlLimit bounds one question: 100 MB of arrivals take a while.
const controlLimit = 20 * time.Second

// asking keeps no connection, so that the server counts only those of the
// generator.
var asking = http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: controlLimit}

func (c Client) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Addr+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := asking.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", path, resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}

// Stats asks what the server did.
func (c Client) Stats(ctx context.Context) (st Stats, err error) {
	body, err := c.get(ctx, PathStats)
	if err == nil {
		err = json.Unmarshal(body, &st)
	}
	return st, err
}

// Arrivals asks for the arrival log, in nanoseconds of CLOCK_MONOTONIC.
func (c Client) Arrivals(ctx context.Context) ([]int64, error) {
	body, err := c.get(ctx, PathArrivals)
	if err != nil {
		return nil, err
	}
	all := make([]int64, 0, len(body)/8)
	for b := range slices.Chunk(body, 8) {
		if len(b) == 8 {
			all = append(all, int64(binary.LittleEndian.Uint64(b)))
		}
	}
	return all, nil
}

// Reset clears counts and log.
func (c Client) Reset(ctx context.Context) error {
	_, err := c.get(ctx, PathReset)
	return err
}
