// Package conformance runs containerd's own snapshotter test suite against snapshotters that listen on
// $SLUICE_SOCKETS/0.sock, 1.sock, ... Every sub-test takes the next one.
package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/pkg/dialer"
	"github.com/containerd/containerd/snapshots"
	"github.com/containerd/containerd/snapshots/proxy"
	"github.com/containerd/containerd/snapshots/testsuite"
	"google.golang.org/grpc"
)

var next int32 = -1

func open(ctx context.Context, _ string) (snapshots.Snapshotter, func() error, error) {
	number := atomic.AddInt32(&next, 1)
	socket := filepath.Join(os.Getenv("SLUICE_SOCKETS"), fmt.Sprintf("%d.sock", number))
	connection, err := grpc.DialContext(ctx, dialer.DialAddress(socket), grpc.WithInsecure(), grpc.WithContextDialer(dialer.ContextDialer))
	if err != nil {
		return nil, nil, err
	}
	snapshotter := proxy.NewSnapshotter(snapshotsapi.NewSnapshotsClient(connection), "sluice")
	return snapshotter, connection.Close, nil
}

func TestSnapshotter(t *testing.T) {
	testsuite.SnapshotterSuite(t, "sluice", open)
}
