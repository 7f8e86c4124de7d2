package grpc

import (
	"context"
	"encoding/json"
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
	q, err := s.answer(ctx, orders.Request{Kind: orders.Find, UserID: in.UserId})
	if err != nil {
		return nil, err
	}
	defer give(q)
	return &orderspb.FindResponse{Orders: orderspb.EncodeAll(q.Orders)}, nil
}

// Place implements the service.
func (s service) Place(ctx context.Context, in *orderspb.PlaceRequest) (*orderspb.PlaceResponse, error) {
	q, err := s.answer(ctx, orders.Request{Kind: orders.Place, UserID: in.UserId, TotalCents: in.TotalCents})
	if err != nil {
		return nil, err
	}
	defer give(q)
	return &orderspb.PlaceResponse{Order: orderspb.Encode(&q.Orders[0])}, nil
}

// answer has a query answered, which must then be given back.
func (s service) answer(ctx context.Context, r orders.Request) (*backend.Query, error) {
	if err := r.Validate(); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	q := queries.Get().(*backend.Query)
	q.UserID, q.Pay = r.UserID, r.Kind == orders.Place
	if q.Pay {
		q.Order = r.Order()
	}
	if err := s.ask(ctx, q); err != nil {
		give(q)
		return nil, err
	}
	return q, nil
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
