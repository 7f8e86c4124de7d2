package backend

import (
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/a628bb15/onhold/targets/orders"
)

// Job is one request with the queries that it takes. It may be used again once
// it is answered.
type Job struct {
	orders.Request
	Queries []Query // as many as the request takes

	one [1]Query // of most requests, so that they allocate nothing
}

var friends = sync.Pool{New: func() any { return new([orders.MaxFriends]Query) }}

// Begin lays out the queries of a request.
func (j *Job) Begin(r orders.Request) {
	j.Request = r
	switch r.Kind {
	case orders.Invite:
		j.Queries = friends.Get().(*[orders.MaxFriends]Query)[:r.Friends]
		for i := range j.Queries {
			j.Queries[i].UserID, j.Queries[i].Pay = int64(i+1), false
		}
	case orders.Place:
		j.Queries = j.one[:]
		j.one[0].UserID, j.one[0].Pay, j.one[0].Order = r.UserID, true, r.Order()
	case orders.Follow: // who may see an order is asked as any user's orders are
		j.Queries = j.one[:]
		j.one[0].UserID, j.one[0].Pay = r.OrderID, false
	default:
		j.Queries = j.one[:]
		j.one[0].UserID, j.one[0].Pay = r.UserID, false
	}
}

// InTurn reports whether the queries are made one after another.
func (j *Job) InTurn() bool { return !j.Concurrent }

// Park makes the queries while the calling goroutine is parked.
func (j *Job) Park(b Backend) {
	if j.InTurn() {
		for i := range j.Queries {
			b.Park(&j.Queries[i])
		}
		return
	}
	var all sync.WaitGroup
	for i := range j.Queries {
		all.Go(func() { b.Park(&j.Queries[i]) })
	}
	all.Wait()
}

// Failure is the first error of the queries, once they were made.
func (j *Job) Failure() error {
	for i := range j.Queries {
		if err := j.Queries[i].Err; err != nil {
			return err
		}
	}
	return nil
}

// Answer writes the result of the request: the first failure, where there was one. Of
// kind Follow, only the beginning is written.
func (j *Job) Answer(resp *fasthttp.Response) {
	if err := j.Failure(); err != nil {
		orders.Failed(resp, err)
		return
	}
	switch j.Kind {
	case orders.Follow:
		orders.Following(resp)
	case orders.Invite:
		coming := 0
		for i := range j.Queries {
			if orders.Comes(j.Queries[i].Orders) {
				coming++
			}
		}
		orders.Invited(resp, j.Request, coming)
	case orders.Place:
		if o := &j.Queries[0].Orders[0]; o.Status == orders.StatusPlaced {
			orders.Accepted(resp, o) // it is not paid yet
		} else {
			orders.Placed(resp, o)
		}
	default:
		orders.Answer(resp, j.Queries[0].Orders)
	}
}

// Release returns what the job no longer needs, once it was answered.
func (j *Job) Release() {
	for i := range j.Queries {
		j.Queries[i].Release()
	}
	if j.Kind == orders.Invite {
		friends.Put((*[orders.MaxFriends]Query)(j.Queries[:orders.MaxFriends]))
	}
	j.Queries = nil
}
