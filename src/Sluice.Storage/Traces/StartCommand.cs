using System.Security.Cryptography;
using System.Text;

namespace Sluice.Storage.Traces;

/// <summary>What a container of an image was started with. Arguments may be secrets, and traces are given to others: of the command line there is the first word, and what tells it from others.</summary>
/// <param name="Program">The first word.</param>
/// <param name="Id">16 hexadecimal digits, equal for equal command lines.</param>
public sealed record StartCommand(string Program, string Id)
{
    private const int IdLength = 16;

    /// <param name="arguments">The command line, at least one word.</param>
    public static StartCommand Of(IReadOnlyList<string> arguments) =>
        new(arguments[0], Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', arguments))))[..IdLength]);

    /// <summary>Null: not such a thing.</summary>
    public static StartCommand? Parse(string? program, string? id) =>
        program is { Length: > 0 } && id is { Length: IdLength } && id.All(char.IsAsciiHexDigitLower) ? new StartCommand(program, id) : null;
}
