namespace Sluice.Testing;

/// <summary>Everything that goes wrong between a reader and a registry: each must end in right bytes, or in an error that names the registry and why.</summary>
internal static class FaultCatalog
{
    private const string Broken = "reset|broke|prematurely|forcibly";
    private const string NotAccepted = "certificate not accepted";

    public static IReadOnlyList<FaultCase> Cases { get; } =
    [
        // Time.
        Harmless("late", (random, _) => new Fault(FaultKind.Delay) { Delay = TimeSpan.FromMilliseconds(random.Next(50)) }),
        Slow("stall", (random, _) => new Fault(FaultKind.Stall) { AfterBytes = random.Next(1000) }),
        Slow("silence", (_, _) => new Fault(FaultKind.Silence)),
        Slow("drip", (random, _) => new Fault(FaultKind.Drip) { AfterBytes = 1 + random.Next(3) }),

        // Connections.
        new("reset", (random, _) => new Fault(FaultKind.Reset) { AfterBytes = random.Next(100) }, Broken),
        new("reset at once", (_, _) => new Fault(FaultKind.ResetAtOnce), Broken + "|sending the request"),
        new("truncated", (random, _) => new Fault(FaultKind.Truncate) { AfterBytes = random.Next(100) }, "breaks off|ends|prematurely"),
        new("not http", (_, _) => new Fault(FaultKind.Garbage), "not http|invalid"),
        new("endless head", (_, _) => new Fault(FaultKind.EndlessHead), "head|" + FaultCase.Slow),

        // Bodies.
        new("wrong bytes", (random, _) => Flip(random.Next(), random.Next(8)), "wrong digest|does not decode|checksum"),
        new("zeros", (random, _) => Clear(random.Next()), "wrong digest|does not decode|checksum"),
        new("wrong length", (_, _) => new Fault(FaultKind.WrongLength), "another range"),
        new("too long", (_, _) => new Fault(FaultKind.TooLong), "another range"),
        new("wrong range", (_, _) => new Fault(FaultKind.WrongRange), "another range"),
        Harmless("range ignored", (_, _) => new Fault(FaultKind.IgnoreRange)),
        new("encoded", (_, _) => new Fault(FaultKind.Encoded), "content encoding"),
        new("empty", (_, _) => new Fault(FaultKind.Empty), "has 0 bytes"),
        new("two lengths", (_, _) => new Fault(FaultKind.TwoLengths), "another range|prematurely|Content-Length|breaks off|not http|invalid") { MayDoNoHarm = true },
        new("two ranges", (_, _) => new Fault(FaultKind.TwoRanges), "does not say which|another range") { MayDoNoHarm = true },

        // Answers.
        new("401", (_, _) => Fault.Answer(401), "login required or refused"),
        new("403", (_, _) => Fault.Answer(403), "access denied"),
        new("404", (_, _) => Fault.Answer(404), "does not exist"),
        new("416", (_, _) => Fault.Answer(416), "ends before the wanted range"),
        new("429 soon", (_, _) => Fault.Answer(429, "1"), "too many requests"),
        new("429 late", (_, _) => Fault.Answer(429, "600"), "too many requests"),
        new("500", (_, _) => Fault.Answer(500), "status 500"),
        new("503", (_, _) => Fault.Answer(503), "status 503"),

        // Redirects.
        new("redirect loop", (_, _) => new Fault(FaultKind.RedirectLoop), "more than 5 redirects"),
        new("redirect without address", (_, _) => new Fault(FaultKind.RedirectNowhere), "redirect without address"),
        new("redirect to a closed port", (_, places) => Fault.RedirectAway(places.Closed), "refused"),
        new("redirect to a name that is not known", (_, _) => Fault.RedirectAway("http://registry.invalid"), "host name not found|" + FaultCase.Slow),
        Harmless("expired redirect", (_, places) => Fault.RedirectAway($"http://{places.Signed.Authority}")),

        // TLS.
        new("expired certificate", Encrypted(TlsFlaw.Expired), NotAccepted),
        new("certificate of another host", Encrypted(TlsFlaw.OtherHost), NotAccepted),
        new("certificate of an unknown authority", Encrypted(TlsFlaw.UnknownAuthority), NotAccepted),
        new("aborted handshake", Encrypted(TlsFlaw.HandshakeAborted), "broke in the TLS handshake"),
    ];

    public static FaultCase Get(string name) => Cases.Single(entry => entry.Name == name);

    private static FaultCase Harmless(string name, Func<Random, FaultPlaces, Fault> make) => new(name, make, null);

    private static FaultCase Slow(string name, Func<Random, FaultPlaces, Fault> make) => new(name, make, FaultCase.Slow);

    private static Fault Flip(int at, int bit) => new(FaultKind.WrongBytes) { Damage = body => body[at % body.Length] ^= (byte)(1 << bit) };

    /// <summary>The second half at least.</summary>
    private static Fault Clear(int from) => new(FaultKind.WrongBytes) { Damage = body => body.AsSpan(from % ((body.Length / 2) + 1)).Clear() };

    private static Func<Random, FaultPlaces, Fault> Encrypted(TlsFlaw flaw) => (_, places) => Fault.RedirectAway(places.Encrypted(flaw).Address.GetLeftPart(UriPartial.Authority));
}
