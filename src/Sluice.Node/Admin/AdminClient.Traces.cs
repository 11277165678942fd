using System.Runtime.InteropServices;
using System.Text.Json;
using Sluice.Storage.Traces;

namespace Sluice.Node.Admin;

/// <summary>What starts have read.</summary>
public sealed partial class AdminClient
{
    /// <param name="image">As containerd names it, or the beginning of its digest.</param>
    /// <inheritdoc cref="PullAsync"/>
    public Task<ImageTrace> TraceAsync(string image, CancellationToken cancellation) => GetAsync($"/v1/trace?image={Uri.EscapeDataString(image)}", ParseTrace, cancellation);

    /// <summary>Has the daemon keep a trace for the next start of its image, in place of one that it has.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public Task KeepTraceAsync(StartTrace trace, CancellationToken cancellation) =>
        PostAsync("/v1/trace", writer => writer.WriteRawValue(TraceFile.Write(trace)), body => AdminJson.Text(body, "manifest"), cancellation);

    /// <summary>Waits for the end of a start that goes on; see <see cref="EndStartRequest"/>.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public Task<ImageTrace> EndStartAsync(EndStartRequest request, CancellationToken cancellation) => PostAsync("/v1/trace/end", request.Write, ParseTrace, cancellation);

    private static ImageTrace? ParseTrace(JsonElement body) =>
        AdminJson.Text(body, "image") is { } image && body.TryGetProperty("trace", out JsonElement trace)
            ? new ImageTrace(image, TraceFile.Read(JsonMarshal.GetRawUtf8Value(trace).ToArray()), AdminJson.Text(body, "note"))
            : null;
}
