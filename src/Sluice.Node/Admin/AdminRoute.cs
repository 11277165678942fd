using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>
/// One request of the admin API. Its answer, as a rule a writer of JSON, has status 200; what goes wrong is thrown as a <see cref="Formats.SluiceException"/>,
/// whose kind decides the status.
/// </summary>
internal sealed class AdminRoute
{
    private readonly Func<AdminCall, Task<AdminAnswer>> _answer;

    private AdminRoute(string method, string path, Func<AdminCall, Task<AdminAnswer>> answer) => (Method, Path, _answer) = (method, path, answer);

    private AdminRoute(string method, string path, Func<AdminCall, Task<Action<Utf8JsonWriter>>> answer)
        : this(method, path, async call => AdminAnswer.Json(await answer(call)))
    {
    }

    /// <summary>GET, which changes nothing, or POST.</summary>
    public string Method { get; }

    /// <summary>With the version of the API: <c>/v1/status</c>.</summary>
    public string Path { get; }

    /// <summary>A question without parameters.</summary>
    public static AdminRoute Get(string path, Func<CancellationToken, Task<Action<Utf8JsonWriter>>> answer) =>
        Get(path, query => query.End(), (_, cancellation) => answer(cancellation));

    /// <summary>A question with parameters in its query: <c>GET /v1/explain?image=…</c>.</summary>
    /// <param name="parse">Takes what it knows from the query and calls <see cref="AdminQuery.End"/>, which refuses the rest.</param>
    public static AdminRoute Get<T>(string path, Func<AdminQuery, T> parse, Func<T, CancellationToken, Task<Action<Utf8JsonWriter>>> answer) =>
        new("GET", path, call => answer(parse(call.Query), call.Cancellation));

    /// <summary>A question without parameters whose answer is no JSON.</summary>
    public static AdminRoute GetText(string path, string contentType, Func<byte[]> answer) =>
        new("GET", path, call => Task.FromResult(call.Query.End() ? new AdminAnswer(contentType, answer()) : throw new InvalidOperationException()));

    /// <summary>An order without a body.</summary>
    public static AdminRoute Post(string path, Func<CancellationToken, Task<Action<Utf8JsonWriter>>> answer) =>
        new("POST", path, call => answer(call.Cancellation));

    /// <summary>An order with a JSON body.</summary>
    /// <param name="maxBody">Bytes of the longest body.</param>
    public static AdminRoute Post<T>(string path, Func<JsonElement, T> parse, Func<T, CancellationToken, Task<Action<Utf8JsonWriter>>> answer, int maxBody = AdminCall.MaxBody) =>
        new("POST", path, async call => await answer(await call.ReadAsync(parse, maxBody), call.Cancellation));

    public Task<AdminAnswer> AnswerAsync(AdminCall call) => _answer(call);
}
