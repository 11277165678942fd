namespace Sluice.Testing;

/// <summary>What goes wrong with one answer of a <see cref="FaultProxy"/>.</summary>
internal enum FaultKind
{
    /// <summary>Nothing: the request passes, and uses up its place in the list.</summary>
    None,

    /// <summary>The answer comes after <see cref="Fault.Delay"/>.</summary>
    Delay,

    /// <summary>Head and <see cref="Fault.AfterBytes"/> bytes, then silence until the client goes.</summary>
    Stall,

    /// <summary>Not even a head, until the client goes.</summary>
    Silence,

    /// <summary>Head and <see cref="Fault.AfterBytes"/> bytes, then RST.</summary>
    Reset,

    /// <summary>RST before the head.</summary>
    ResetAtOnce,

    /// <summary>Head with the full length, <see cref="Fault.AfterBytes"/> bytes, then the connection ends properly.</summary>
    Truncate,

    /// <summary>One bit of the body is wrong, or what <see cref="Fault.Damage"/> makes so.</summary>
    WrongBytes,

    /// <summary>Head and body agree on a length, one byte less than there should be.</summary>
    WrongLength,

    /// <summary>Head and body agree on a length, one byte more than there should be.</summary>
    TooLong,

    /// <summary>Status 200 and no body.</summary>
    Empty,

    /// <summary>The body comes with <c>Content-Encoding: gzip</c>, as it is.</summary>
    Encoded,

    /// <summary>A second <c>Content-Length</c> that says something else.</summary>
    TwoLengths,

    /// <summary>A second <c>Content-Range</c> that says something else.</summary>
    TwoRanges,

    /// <summary>Something that is not HTTP.</summary>
    Garbage,

    /// <summary>A head of 128 KiB, twice what clients take.</summary>
    EndlessHead,

    /// <summary>A range that is not the one asked for.</summary>
    WrongRange,

    /// <summary>The whole content with status 200, whatever range was asked for.</summary>
    IgnoreRange,

    /// <summary>Only <see cref="Fault.Status"/>, with <see cref="Fault.RetryAfter"/>.</summary>
    Status,

    /// <summary>307 to <see cref="Fault.Location"/>.</summary>
    Redirect,

    /// <summary>307 to the same path at <see cref="Fault.Location"/>, which is scheme and authority, with a signature that no other redirect has.</summary>
    RedirectAway,

    /// <summary>307 that does not say where to.</summary>
    RedirectNowhere,

    /// <summary>307 to itself.</summary>
    RedirectLoop,

    /// <summary><see cref="Fault.AfterBytes"/> bytes at a time, with <see cref="Fault.Delay"/> between them.</summary>
    Drip,
}

/// <summary>A fault for one request.</summary>
internal sealed record Fault(FaultKind Kind)
{
    public int Status { get; init; } = 500;

    public int AfterBytes { get; init; }

    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Changes bytes of a body; null: the middle one.</summary>
    public Action<byte[]>? Damage { get; init; }

    public string? RetryAfter { get; init; }

    public string? Location { get; init; }

    public static Fault Answer(int status, string? retryAfter = null) => new(FaultKind.Status) { Status = status, RetryAfter = retryAfter };

    public static Fault RedirectTo(string location) => new(FaultKind.Redirect) { Location = location };

    public static Fault RedirectAway(string origin) => new(FaultKind.RedirectAway) { Location = origin };
}
