package grpc

import (
	"context"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// Client is who calls the service, and how.
type Client struct {
	Addr        string         // HOST:PORT
	Connections int            // HTTP/2 connections that all of them share; 0: each has its own
	Request     orders.Request // of kind Find or Place
}

// Call is a call of the service, as package bench/grpc makes it.
type Call struct {
	URL         string // grpc://HOST:PORT/SERVICE/METHOD
	Method      protoreflect.MethodDescriptor
	Body        []byte // the message, in JSON
	Connections int    // as of [Client]
}

// Call is what the client calls.
func (c Client) Call() (Call, error) {
	var method string
	var in proto.Message
	switch r := c.Request; r.Kind {
	case orders.Find:
		method, in = "Find", &orderspb.FindRequest{UserId: r.UserID}
	case orders.Place:
		method, in = "Place", &orderspb.PlaceRequest{UserId: r.UserID, TotalCents: r.TotalCents}
	default:
		return Call{}, errors.New("the service has calls for finding and placing orders only")
	}
	body, err := protojson.Marshal(in)
	service := orderspb.File_targets_grpc_orderspb_orders_proto.Services().ByName("Orders")
	return Call{
		URL:    "grpc://" + c.Addr + "/" + string(service.FullName()) + "/" + method,
		Method: service.Methods().ByName(protoreflect.Name(method)), Body: body, Connections: c.Connections,
	}, err
}

// Stats asks a server that listens at addr what it says of itself.
func Stats(ctx context.Context, addr string) (orders.Stats, error) {
	var st orders.Stats
	cc, err := orderspb.NewClient(addr)
	if err != nil {
		return st, err
	}
	defer cc.Close()
	out, err := orderspb.NewOrdersClient(cc).Stats(ctx, &orderspb.StatsRequest{})
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal([]byte(out.Json), &st)
}
