// Package intake holds what all HTTP receivers share: how a body is read within
// bounds, how a server is run and stopped, and a walk over JSON.
//
// The bytes of all bodies that are held at one time are bounded by a Budget.
// Room is reserved before reading, so that no number of senders can make the
// program hold more.
package intake
