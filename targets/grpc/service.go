package grpc

import (
	"context"
	"encoding/json"
	"math"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// service is what callers see of a server.
type service struct {
	orderspb.UnimplementedOrdersServer
	*Server
}

// Find implements the service.
func (s service) Find(ctx context.Context, in *orderspb.FindRequest) (*orderspb.FindResponse, error) {
	if err := checkUser(in.UserId); err != nil {
		return nil, err
	}
	q := queries.Get().(*backend.Query)
	defer give(q)
	q.UserID, q.Pay = in.UserId, false
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	return &orderspb.FindResponse{Orders: orderspb.EncodeAll(q.Orders)}, nil
}

// Place implements the service.
func (s service) Place(ctx context.Context, in *orderspb.PlaceRequest) (*orderspb.PlaceResponse, error) {
	if err := checkUser(in.UserId); err != nil {
		return nil, err
	}
	if in.TotalCents < 0 || in.TotalCents > orders.MaxTotalCents {
		return nil, status.Errorf(codes.InvalidArgument, "total_cents is %d; allowed is 0 to %d", in.TotalCents, int64(orders.MaxTotalCents))
	}
	q := queries.Get().(*backend.Query)
	defer give(q)
	q.UserID, q.Pay = in.UserId, true
	q.Order = orders.Request{Kind: orders.Place, UserID: in.UserId, TotalCents: in.TotalCents}.Order()
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	return &orderspb.PlaceResponse{Order: orderspb.Encode(&q.Orders[0])}, nil
}

func checkUser(id int64) error {
	if id < 1 {
		return status.Errorf(codes.InvalidArgument, "user_id is %d; allowed is one whole number from 1 to %d", id, int64(math.MaxInt64))
	}
	return nil
}

// queries are kept for what a backend keeps in them.
var queries = sync.Pool{New: func() any { return new(backend.Query) }}

func give(q *backend.Query) {
	q.Release()
	queries.Put(q)
}

// Stats implements the service.
func (s service) Stats(context.Context, *orderspb.StatsRequest) (*orderspb.StatsResponse, error) {
	text, err := json.Marshal(s.Server.Stats())
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &orderspb.StatsResponse{Json: string(text)}, nil
}
