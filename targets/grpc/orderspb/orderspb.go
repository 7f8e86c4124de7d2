// Package orderspb is the order service over gRPC: its contract in orders.proto,
// the code made from it, and how whoever calls it connects.
package orderspb

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/a628bb15/onhold/targets/orders"
)

//go:generate sh generate.sh

// Encode is the message of an order.
func Encode(o *orders.Order) *Order {
	return &Order{Id: o.ID, UserId: o.UserID, Status: o.Status, TotalCents: o.TotalCents, Created: timestamppb.New(o.Created)}
}

// EncodeAll is the messages of a user's orders.
func EncodeAll(list []orders.Order) []*Order {
	all := make([]*Order, len(list))
	for i := range list {
		all[i] = Encode(&list[i])
	}
	return all
}

// Decode is the order of a message; it fails where that is none of ours.
func Decode(o *Order) (orders.Order, error) {
	if o == nil {
		return orders.Order{}, fmt.Errorf("the reply has no order")
	}
	status, err := orders.Status(o.Status)
	if err != nil {
		return orders.Order{}, err
	}
	return orders.Order{ID: o.Id, UserID: o.UserId, Status: status, TotalCents: o.TotalCents, Created: o.Created.AsTime()}, nil
}
