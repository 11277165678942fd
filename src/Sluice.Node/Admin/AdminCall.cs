using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Sluice.Node.Admin;

/// <summary>One request that is being answered.</summary>
/// <param name="cancellation">When the client has gone or the daemon stops.</param>
internal sealed class AdminCall(HttpContext context, CancellationToken cancellation)
{
    /// <summary>Bytes of the longest request body, as a rule.</summary>
    public const int MaxBody = 1 << 16;

    public CancellationToken Cancellation => cancellation;

    public AdminQuery Query { get; } = new(context.Request.Query.ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.Ordinal));

    /// <summary>The body, parsed.</summary>
    /// <exception cref="Formats.SluiceException">It is no JSON, too long, or <paramref name="parse"/> refuses it.</exception>
    public async Task<T> ReadAsync<T>(Func<JsonElement, T> parse, int maxBody)
    {
        if (!(context.Request.ContentLength <= maxBody)) throw AdminJson.Wrong($"the body needs a Content-Length of at most {maxBody}");
        try
        {
            using JsonDocument document = await JsonDocument.ParseAsync(context.Request.Body, default, context.RequestAborted);
            return parse(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw AdminJson.Wrong($"the body is not JSON: {exception.Message}");
        }
        catch (InvalidOperationException exception)
        {
            // Strings are looked into only when they are taken: half a surrogate pair, bytes that are not UTF-8.
            throw AdminJson.Wrong($"the body has text that is not Unicode: {exception.Message}");
        }
    }
}
