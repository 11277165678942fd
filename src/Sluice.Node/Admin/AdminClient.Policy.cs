using System.Net.Sockets;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Node.Policies;

namespace Sluice.Node.Admin;

/// <summary>How images come here.</summary>
public sealed partial class AdminClient
{
    /// <summary>True if a daemon listens.</summary>
    public async Task<bool> ListensAsync(CancellationToken cancellation)
    {
        using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>What the daemon would do with an image.</summary>
    /// <exception cref="SluiceException">No daemon listens, or the image's manifest can't be had.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    public Task<PullExplanation> ExplainPolicyAsync(PolicyRequest request, CancellationToken cancellation) =>
        GetAsync(request.Path, body => body.Deserialize(PullExplanationJson.Default.PullExplanation), cancellation);
}
