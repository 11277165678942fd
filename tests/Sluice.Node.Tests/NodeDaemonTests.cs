using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Formats;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests;

public sealed class NodeDaemonTests
{
    [Fact]
    public async Task AStartThatFailsLeavesNothingOpen()
    {
        using MountPlaces places = new();
        NodeOptions options = new() { Root = places.Of("root"), State = places.Of("state"), Address = places.Of("socket"), Keeper = KeeperKind.None };
        using (Socket other = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            other.Bind(new UnixDomainSocketEndPoint(options.SocketPath));
            other.Listen();
            await Assert.ThrowsAsync<SluiceException>(() => NodeDaemon.StartAsync(options, NullLoggerFactory.Instance, CancellationToken.None));
        }

        Assert.Empty(MountTable.Below(options.State));
        File.Delete(options.SocketPath);
        await using NodeDaemon daemon = await NodeDaemon.StartAsync(options, NullLoggerFactory.Instance, CancellationToken.None);
    }
}
