using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>Answers of credential programs, with the time until which each may be used.</summary>
internal sealed class RecentAnswers<T>(TimeProvider time)
{
    /// <summary>So young an answer is new to whoever asks anew: a storm of refused reads must not become one of processes.</summary>
    private static readonly TimeSpan New = TimeSpan.FromSeconds(1);
    private const int Limit = 4096;

    private readonly ConcurrentDictionary<string, (T Answer, DateTimeOffset Since, DateTimeOffset Until)> _answers = new(StringComparer.Ordinal);

    public bool TryGet(string key, bool anew, [MaybeNullWhen(false)] out T answer)
    {
        DateTimeOffset now = time.GetUtcNow();
        bool found = _answers.TryGetValue(key, out var kept) && now < (anew ? kept.Since + New : kept.Until);
        answer = found ? kept.Answer : default;
        return found;
    }

    /// <summary>However old it is. For a program that fails now: its last answer may still be good, and the registry tells.</summary>
    public bool TryGetOld(string key, [MaybeNullWhen(false)] out T answer)
    {
        bool found = _answers.TryGetValue(key, out var kept);
        answer = found ? kept.Answer : default;
        return found;
    }

    public void Set(string key, T answer, TimeSpan life)
    {
        if (_answers.Count >= Limit) _answers.Clear();
        DateTimeOffset now = time.GetUtcNow();
        _answers[key] = (answer, now, now + life);
    }
}
