using Sluice.Containerd.Sockets;
using Sluice.Formats;
using Sluice.Kernel.Keeper;
using Sluice.Node.Succession;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Succession;

public sealed class KeptListenerTests
{
    /// <summary>A daemon that was stopped leaves its socket to the keeper, which must not be in the way of one that is to have none.</summary>
    [Fact]
    public async Task ADaemonWithoutKeeperTakesThePathFromTheKeeperOfTheOneBefore()
    {
        using MountPlaces places = new();
        string state = places.Of("state"), path = places.Of("called.sock");
        Directory.CreateDirectory(state);
        try
        {
            using (KeeperProcess keeper = await KeeperProcess.ConnectOrStartAsync(new KeeperOptions { State = state, Deadline = TimeSpan.Zero }, _ => { }))
            {
                KeptListener before = KeptListener.Open(keeper, state, path, _ => { });
                before.Leave();
                before.Socket.Dispose();
            }

            SluiceException elsewhere = Assert.Throws<SluiceException>(() => KeptListener.Open(null, places.Of("other"), path, _ => { }));
            Assert.Contains("sluice keeper --stop", elsewhere.Hint, StringComparison.Ordinal);
            using ListeningSocket socket = KeptListener.Open(null, state, path, _ => { }).Socket;
            Assert.Empty(KeeperProcess.Names(state)!);
        }
        finally
        {
            KeeperProcess.Stop(state, anyway: true);
        }
    }
}
