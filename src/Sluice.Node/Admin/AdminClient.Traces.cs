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

    private static ImageTrace? ParseTrace(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("trace", out JsonElement trace) || !body.TryGetProperty("files", out JsonElement files) || !body.TryGetProperty("image", out JsonElement image)) return null;
        StartTrace read = TraceFile.Read(JsonMarshal.GetRawUtf8Value(trace).ToArray());
        return files.GetArrayLength() == read.Reads.Count ? new ImageTrace(image.GetString() ?? "", read, [.. files.EnumerateArray().Select(file => file.GetString())]) : null;
    }
}
