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

    [Fact]
    public async Task WhatWasWrittenWhereNothingIsMountedStaysAndTheDaemonStarts()
    {
        using MountPlaces places = new();
        NodeOptions options = new() { Root = places.Of("root"), State = places.Of("state"), Address = places.Of("socket"), Keeper = KeeperKind.None };
        string left = Path.Combine(options.MountsDirectory, "snapshot-7"), empty = Path.Combine(options.MountsDirectory, "snapshot-8");
        Directory.CreateDirectory(left);
        Directory.CreateDirectory(empty);
        await File.WriteAllTextAsync(Path.Combine(left, "file"), "written", TestContext.Current.CancellationToken);
        await using NodeDaemon daemon = await NodeDaemon.StartAsync(options, NullLoggerFactory.Instance, CancellationToken.None);
        Assert.Equal("written", await File.ReadAllTextAsync(Path.Combine(left, "file"), TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(empty));
    }
}
