using System.Buffers;
using System.Text;
using Sluice.Formats;

namespace Sluice.Kernel.Keeper;

/// <summary>Names of held descriptors.</summary>
internal static class DescriptorName
{
    public const int MaxLength = 255;

    private static readonly SearchValues<byte> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"u8);

    public static bool IsValid(ReadOnlySpan<byte> name) => name.Length is > 0 and <= MaxLength && name.IndexOfAnyExcept(Allowed) < 0;

    /// <exception cref="SluiceException">Usage.</exception>
    public static byte[] Encode(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return IsValid(bytes) ? bytes : throw new SluiceException(SluiceError.Usage, name, "is no name for a descriptor", $"1 to {MaxLength} letters, digits, '.', '_', '-'");
    }
}
