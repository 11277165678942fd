using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>Brings the paths of archives into the one form that the rest of the program knows.</summary>
internal static class TarPath
{
    /// <summary>
    /// Drops leading, trailing and doubled slashes and <c>.</c> components. Throws on <c>..</c> and on NUL bytes, which no
    /// file system can hold.
    /// </summary>
    public static FileName Normalise(ReadOnlySpan<byte> raw, long offset)
    {
        if (raw.Contains((byte)0)) throw TarError.At(offset, "a path holds a NUL byte");
        int length = 0;
        for (ReadOnlySpan<byte> rest = raw; TryTakeComponent(ref rest, out ReadOnlySpan<byte> component);)
        {
            if (component.SequenceEqual(".."u8)) throw TarError.At(offset, $"path '{new FileName(raw)}' has a '..' component");
            length += component.Length + 1;
        }

        if (length == 0) return default;
        if (length == raw.Length + 1) return new FileName(raw);

        byte[] path = new byte[length - 1];
        int end = 0;
        for (ReadOnlySpan<byte> rest = raw; TryTakeComponent(ref rest, out ReadOnlySpan<byte> component);)
        {
            if (end > 0) path[end++] = (byte)'/';
            component.CopyTo(path.AsSpan(end));
            end += component.Length;
        }

        return new FileName(path);
    }

    public static bool EndsInSlash(ReadOnlySpan<byte> raw) => !raw.IsEmpty && raw[^1] == (byte)'/';

    private static bool TryTakeComponent(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> component)
    {
        while (!rest.IsEmpty)
        {
            int slash = rest.IndexOf((byte)'/');
            component = slash < 0 ? rest : rest[..slash];
            rest = slash < 0 ? default : rest[(slash + 1)..];
            if (!component.IsEmpty && !component.SequenceEqual("."u8)) return true;
        }

        component = default;
        return false;
    }
}
