namespace Sluice.Testing;

/// <summary>A request as a <see cref="FaultProxy"/> received it.</summary>
/// <param name="Target">Path and query.</param>
internal sealed record ProxyRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Path => Target.Split('?')[0];

    public string? Header(string name) => Headers.GetValueOrDefault(name);
}

/// <summary>An answer, from the server behind or made by the test.</summary>
internal sealed record ProxyResponse(int Status, byte[] Body)
{
    public Dictionary<string, string> Headers { get; init; } = new(StringComparer.OrdinalIgnoreCase);

    public static ProxyResponse Json(string json, int status = 200) =>
        new(status, System.Text.Encoding.UTF8.GetBytes(json)) { Headers = new(StringComparer.OrdinalIgnoreCase) { ["Content-Type"] = "application/json" } };

    /// <summary>Content as a server with ranges delivers it.</summary>
    public static ProxyResponse Content(ProxyRequest request, byte[] content, string type = "application/octet-stream")
    {
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase) { ["Content-Type"] = type };
        if (request.Header("Range") is not { } range) return new ProxyResponse(200, content) { Headers = headers };
        string[] ends = range["bytes=".Length..].Split('-');
        long from = long.Parse(ends[0], System.Globalization.CultureInfo.InvariantCulture);
        long to = ends[1].Length == 0 ? content.Length - 1 : Math.Min(long.Parse(ends[1], System.Globalization.CultureInfo.InvariantCulture), content.Length - 1);
        if (from >= content.Length) return new ProxyResponse(416, []) { Headers = headers };
        headers["Content-Range"] = $"bytes {from}-{to}/{content.Length}";
        return new ProxyResponse(206, content[(int)from..((int)to + 1)]) { Headers = headers };
    }
}
