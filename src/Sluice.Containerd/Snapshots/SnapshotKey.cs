namespace Sluice.Containerd.Snapshots;

/// <summary>
/// A key as containerd's metadata store hands it down: <c>namespace/sequence/key</c>. The namespace header is missing on
/// many calls, so this is the only reliable place of the namespace.
/// </summary>
public readonly record struct SnapshotKey(string Namespace, string Sequence, string Key)
{
    /// <summary>False for keys of other clients, which may use any text.</summary>
    public static bool TryParse(string text, out SnapshotKey key)
    {
        key = default;
        int first = text.IndexOf('/', StringComparison.Ordinal);
        int second = first < 1 ? -1 : text.IndexOf('/', first + 1);
        if (second < 0 || second == first + 1 || second == text.Length - 1) return false;
        if (text.AsSpan(first + 1, second - first - 1).ContainsAnyExceptInRange('0', '9')) return false;
        key = new SnapshotKey(text[..first], text[(first + 1)..second], text[(second + 1)..]);
        return true;
    }

    public override string ToString() => $"{Namespace}/{Sequence}/{Key}";
}
