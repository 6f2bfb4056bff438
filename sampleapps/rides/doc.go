// Package rides holds the messages that the company's services exchange: the
// gRPC interfaces of rides.proto and the events of the topic trip.events.
//
// The files ending in .pb.go are generated; `go generate ./rides` in the
// folder sampleapps writes them again and needs protoc.
package rides

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$(go tool -n protoc-gen-go-grpc) --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative rides.proto"
